"""Stock of an item that the catalogue doesn't have.

Opens with the first entry of such an item at the facility, ends when a record of the item is in
force. Matters because it has no name, unit or norm, and is in no total of the medicine that it is.
"""

from typing import Final

from projections.discrepancies.kind import Kind, is_card

IS_REGISTERED: Final = (
    "EXISTS (SELECT FROM item_record WHERE item_record.item_id = {item_id}"
    " AND item_record.valid_from <= now())"
)

_STOCKED: Final = """
    FROM place
    CROSS JOIN LATERAL (
        SELECT DISTINCT card.facility_no, card.item_no FROM card
        WHERE card.facility_no = place.facility_no
    ) AS stocked
    JOIN item_number USING (item_no)
"""

FIRST_ENTRY: Final = f"""
    SELECT entry.occurred_at, entry.event_id, entry.line_no
    FROM card CROSS JOIN LATERAL (
        SELECT * FROM ledger_entry
        WHERE {is_card("ledger_entry")} AND line_no > 0 AND reversed_at IS NULL
        ORDER BY occurred_at, event_id, line_no LIMIT 1
    ) AS entry
    WHERE card.facility_no = stocked.facility_no AND card.item_no = stocked.item_no
    ORDER BY entry.occurred_at, entry.event_id, entry.line_no LIMIT 1
"""
"""The item's first unreversed entry at the facility; none where all were reversed."""


def _select(closed_at: str) -> str:
    return f"""
    SELECT place.facility_id, item_number.item_id, NULL::text AS lot, first.line_no,
           first.occurred_at AS opened_at, ARRAY[first.event_id::text] AS opened_by,
           {closed_at} AS closed_at, NULL::text[] AS closed_by, '{{}}'::jsonb AS facts
    """


UNKNOWN_ITEM: Final = Kind(
    "unknown_item",
    found=f"""
    {_select("NULL::timestamptz")} {_STOCKED} CROSS JOIN LATERAL ({FIRST_ENTRY}) AS first
    WHERE NOT {IS_REGISTERED.format(item_id="item_number.item_id")}
    """,
    ended=f"""
    {_select("registered.at")} {_STOCKED}
    JOIN (SELECT item_id, min(valid_from) AS at FROM item_record GROUP BY item_id) AS registered
      ON registered.item_id = item_number.item_id AND registered.at BETWEEN $3 AND now()
    CROSS JOIN LATERAL ({FIRST_ENTRY}) AS first
    WHERE first.occurred_at < registered.at
    """,
    sentence="The catalogue doesn't have this item. Ask for it to be registered, or post again "
    "with the right item.",
)
