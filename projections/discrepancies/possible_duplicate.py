"""One receipt or one prescription seems to be posted twice.

Opens with an event that has the document_no or the prescription of another one at the facility,
gives the same quantity in all of an item, and lies near it in time. Ends when one of the two is
reversed (then it never was), or all cards of the later one have been counted since. Matters because
the book is wrong by a whole line.

Repetitions with the same event_id are no duplicates: they never count twice.
"""

from typing import Final

from projections.discrepancies.kind import Kind
from projections.discrepancies.settling import settled_by_counts

NEAR_DAYS: Final = {"document_no": 90, "prescription_hash": 7}
"""How far apart two events may lie: document numbers begin again each year, and a prescription is
given again month by month."""

TOTALS: Final = """(
    SELECT line ->> 'item_id' AS item_id, sum((line ->> 'quantity')::bigint) AS quantity,
           min(line_no)::integer AS line_no
    FROM jsonb_array_elements({body} -> 'lines') WITH ORDINALITY AS lines (line, line_no)
    GROUP BY 1 HAVING sum((line ->> 'quantity')::bigint) > 0
)"""
"""What an event moves of each item, all lots together."""


def same_again(key: str, *, event: str) -> str:
    """Joins that add the `other` events that look the same, and `mine`, the item in which they do.

    Args:
        key: `document_no` or `prescription_hash`.
        event: an alias with facility_no, occurred_at and body.
    """
    near = f"interval '{NEAR_DAYS[key]} days'"
    return f"""
    CROSS JOIN LATERAL (
        SELECT same.* FROM event AS same
        WHERE same.facility_no = {event}.facility_no AND same.body ? '{key}'
          AND same.body ->> '{key}' = {event}.body ->> '{key}'
        OFFSET 0  -- by the index of references, whatever else is asked of them
    ) AS other
    CROSS JOIN LATERAL {TOTALS.format(body=f"{event}.body")} AS mine
    JOIN LATERAL {TOTALS.format(body="other.body")} AS theirs
      ON theirs.item_id = mine.item_id AND theirs.quantity = mine.quantity
     AND other.reversed_at IS NULL
     AND other.occurred_at BETWEEN {event}.occurred_at - {near} AND {event}.occurred_at + {near}
    """


def _duplicates(key: str) -> str:
    return f"""
    SELECT pair.facility_id, CASE WHEN cardinality(pair.items) = 1 THEN pair.items[1] END,
           NULL::text, pair.line_no, pair.occurred_at,
           ARRAY[pair.earlier_id::text, pair.event_id::text], settled.at, settled.by,
           jsonb_build_object('by', '{key}', 'items', pair.items)
    FROM (
        SELECT facility_id, facility_no, event_id, occurred_at, earlier_id,
               min(line_no) AS line_no, array_agg(item_id ORDER BY item_id COLLATE "C") AS items
        FROM (
            -- each item with the nearest of the earlier ones
            SELECT DISTINCT ON (event.facility_no, event.event_id, mine.item_id)
                   place.facility_id, event.facility_no, event.event_id, event.occurred_at,
                   other.event_id AS earlier_id, mine.item_id, mine.line_no
            FROM place JOIN event USING (facility_no) {same_again(key, event="event")}
            WHERE event.occurred_at >= $3 AND event.reversed_at IS NULL AND event.body ? '{key}'
              AND (other.occurred_at, other.event_id) < (event.occurred_at, event.event_id)
            ORDER BY event.facility_no, event.event_id, mine.item_id,
                     other.occurred_at DESC, other.event_id DESC
        ) AS item
        GROUP BY facility_id, facility_no, event_id, occurred_at, earlier_id
    ) AS pair
    {settled_by_counts("pair", item_ids="pair.items")}
    """


POSSIBLE_DUPLICATE: Final = Kind(
    "possible_duplicate",
    found=" UNION ALL ".join(_duplicates(key) for key in NEAR_DAYS),
    sentence="Another event has the same document or prescription, item and quantity. If it is the "
    "same one typed twice, reverse one of the two.",
    looks_back=True,
)
