"""How many discrepancies are open at a facility, for the stock answer.

Counted are the kinds that a facility's cards tell by themselves: negative stock, unrecorded lots,
unknown items. The others need a walk through events, too dear for the read that is asked most;
they are in the list.
"""

from typing import Final

from projections.discrepancies.kind import is_card
from projections.discrepancies.negative_stock import IS_NEGATIVE
from projections.discrepancies.unrecorded_lot import IS_LEFT, UNRECORDED

COUNTED: Final = ("negative_stock", "unrecorded_lot", "unknown_item")

COUNT_OPEN: Final = f"""(
    (SELECT count(*) FILTER (WHERE {IS_NEGATIVE.format("card.on_hand")})
          + count(*) FILTER (WHERE {IS_LEFT.format("card.on_hand")} AND {UNRECORDED})
     FROM held AS card)
    + (SELECT count(*) FROM stocked, moment
       WHERE NOT EXISTS (SELECT FROM catalogue WHERE catalogue.item_id = stocked.item_id)
         AND EXISTS (
           SELECT FROM held AS card CROSS JOIN LATERAL (
               SELECT FROM ledger_entry AS entry
               WHERE {is_card("entry")} AND entry.line_no > 0
                 AND entry.occurred_at <= moment.as_of AND entry.recorded_at <= moment.known_at
                 AND (entry.reversed_at IS NULL OR entry.reversed_at > moment.known_at)
               LIMIT 1  -- along the card's key, and never the whole ledger
           ) AS entry
           WHERE card.item_no = stocked.item_no)))
"""
"""Over CTEs of the stock query: `moment (as_of, known_at)`, `held`, the facility's cards then,
`stocked`, their items, and `catalogue`, the registered ones."""
