"""How what a single event did wrong to the book ends: by counting.

From the next count of a card on, its balance rests on what was seen on the shelf, and no longer on
the event. An event that touches several cards is settled once all of them were counted.
"""

from projections.discrepancies.kind import is_card


def settled_by_count(entry: str) -> str:
    """A join that adds `settled (at, by)`, of the card of one ledger entry; null while open."""
    return f"""
    LEFT JOIN LATERAL (
        SELECT counted.occurred_at AS at, ARRAY[counted.event_id::text] AS by
        FROM ledger_entry AS counted
        WHERE {is_card("counted", entry)} AND counted.is_count AND counted.reversed_at IS NULL
          AND (counted.occurred_at, counted.event_id, counted.line_no)
              > ({entry}.occurred_at, {entry}.event_id, {entry}.line_no)
        ORDER BY counted.occurred_at, counted.event_id, counted.line_no LIMIT 1
    ) AS settled ON true
    """


def settled_by_counts(event: str, *, item_ids: str, after: str | None = None) -> str:
    """A join that adds `settled (at, by)`, of all cards that an event touches.

    Args:
        event: an alias with facility_no, event_id and occurred_at of the event.
        item_ids: an array; of these items.
        after: an alias with event_id and occurred_at: counts after that event. Default: `event`.
    """
    after = after or event
    return f"""
    LEFT JOIN LATERAL (
        SELECT CASE WHEN count(*) = count(counted.at) THEN max(counted.at) END AS at,
               CASE WHEN count(*) = count(counted.at)
                    THEN array_agg(DISTINCT counted.event_id::text) END AS by
        FROM item_number JOIN card USING (item_no)
        JOIN ledger_entry AS touched ON {is_card("touched")}
         AND touched.occurred_at = {event}.occurred_at AND touched.event_id = {event}.event_id
        LEFT JOIN LATERAL (
            SELECT recount.occurred_at AS at, recount.event_id FROM ledger_entry AS recount
            WHERE {is_card("recount")} AND recount.is_count AND recount.reversed_at IS NULL
              AND (recount.occurred_at, recount.event_id) > ({after}.occurred_at, {after}.event_id)
            ORDER BY recount.occurred_at, recount.event_id, recount.line_no LIMIT 1
        ) AS counted ON true
        WHERE item_number.item_id = ANY ({item_ids}) AND card.facility_no = {event}.facility_no
    ) AS settled ON true
    """
