"""Lots that were given out though they should not have been: each line is a discrepancy.

They end with the next count of the card, as `settling` says, and go if the event is reversed.
"""

from projections.discrepancies.kind import GIVEN_OUT, is_card
from projections.discrepancies.settling import settled_by_count


def given_out(cards: str, *, facts: str, since: str, until: str | None = None) -> str:
    """Lines of dispenses and issues on cards, from an instant on and before another.

    Args:
        cards: a FROM clause with the aliases `place`, `card` and `item_number`.
        facts: a jsonb expression over these.
    """
    ends = f"AND ({until} IS NULL OR entry.occurred_at < {until})" if until else ""
    return f"""
    SELECT place.facility_id, item_number.item_id, card.lot, entry.line_no, entry.occurred_at,
           ARRAY[entry.event_id::text], settled.at, settled.by,
           {facts} || jsonb_build_object('quantity', -entry.quantity)
    FROM {cards}
    CROSS JOIN LATERAL (
        SELECT entry.* FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND entry.occurred_at >= {since} {ends}
          AND entry.quantity < 0 AND NOT entry.is_count AND entry.reversed_at IS NULL
        OFFSET 0  -- along each card's key: the period holds next to nothing of the ledger
    ) AS entry
    JOIN event ON event.facility_no = entry.facility_no AND event.event_id = entry.event_id
     AND event.type IN {GIVEN_OUT}
    {settled_by_count("entry")}
    """
