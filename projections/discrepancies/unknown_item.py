"""Stock of an item that the catalogue doesn't have.

Opens with the first entry of such an item at the facility, ends when a record of the item is in
force; what is recorded after that, of days before it, never was unknown. Matters because it has no
name, unit or norm, and is in no total of the medicine that it is.
"""

from typing import Final

from projections.discrepancies.kind import Kind, is_card

IS_REGISTERED: Final = (
    "EXISTS (SELECT FROM item_record WHERE item_record.item_id = {item_id}"
    " AND item_record.valid_from <= now())"
)

# An item's first unreversed entry at the facility; none where all were reversed.
_FIRST: Final = "DISTINCT ON (card.facility_no, card.item_no)"
_IN_ORDER: Final = """
    ORDER BY card.facility_no, card.item_no, first.occurred_at, first.event_id, first.line_no
"""


def _select(closed_at: str) -> str:
    return f"""
    SELECT {_FIRST} facility_id, item_id, NULL::text AS lot, first.line_no,
           first.occurred_at AS opened_at, ARRAY[first.event_id::text] AS opened_by,
           {closed_at} AS closed_at, NULL::text[] AS closed_by, '{{}}'::jsonb AS facts
    """


def _first_entry(so_that: str = "") -> str:
    """A join that adds `first`, a card's first entry."""
    return f"""
    CROSS JOIN LATERAL (
        SELECT entry.occurred_at, entry.event_id, entry.line_no FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND line_no > 0 AND reversed_at IS NULL {so_that}
        ORDER BY entry.occurred_at, entry.event_id, entry.line_no LIMIT 1
    ) AS first
    """


_OLDER: Final = """
    SELECT facility_no, facility_id, first_recorded_at
    FROM place JOIN facility_activity USING (facility_no)
    WHERE first_recorded_at < (SELECT max(valid_from) FROM item_record WHERE valid_from <= now())
    OFFSET 0
"""

# That a facility recorded nothing before spares the look at its cards: when an installation
# begins, its whole catalogue is new, and so is every facility. OFFSET 0 keeps the planner from
# beginning at the cards, or at the ledger.
UNKNOWN_ITEM: Final = Kind(
    "unknown_item",
    found=f"""
    SELECT * FROM (
        {_select("NULL::timestamptz")}
        FROM (
            SELECT facility_no, item_no, lot, facility_id, item_id
            FROM item_number JOIN card USING (item_no) JOIN place USING (facility_no)
            WHERE NOT {IS_REGISTERED.format(item_id="item_number.item_id")}
            OFFSET 0
        ) AS card
        {_first_entry()}
        {_IN_ORDER}
    ) AS unknown
    """,
    ended=f"""
    SELECT * FROM (
        {_select("card.at")}
        FROM (
            SELECT card.*, facility_id, item_id, at
            FROM (
                SELECT facility_no, facility_id, item_no, item_id, at
                FROM (
                    SELECT item_id, min(valid_from) AS at FROM item_record GROUP BY item_id
                ) AS registered
                JOIN item_number USING (item_id)
                JOIN ({_OLDER}) AS older ON older.first_recorded_at < at
                WHERE at BETWEEN $3 AND now()
                OFFSET 0
            ) AS known JOIN card USING (facility_no, item_no)
            OFFSET 0
        ) AS card
        {_first_entry("AND occurred_at < card.at AND recorded_at < card.at")}
        {_IN_ORDER}
    ) AS unknown
    """,
    sentence="The catalogue doesn't have this item. Ask for it to be registered, or post again "
    "with the right item.",
)
