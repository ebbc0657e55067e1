"""A lot was given out while a recall of it was in force.

Opens with each line, on a dispense or an issue, of a lot that a recall names, from the recall's
`valid_from` until it is lifted. Ends with the next count of the lot, goes if the event is reversed
or corrected. Matters because the state has said that nobody may have it; `GET /v1/recalls/{id}`
tells who got it.
"""

from typing import Final

from projections.discrepancies.given_out import given_out
from projections.discrepancies.kind import Kind, is_card

RECALLS: Final = """
    SELECT * FROM (
        SELECT recall_id, item_id, spelling(lot) AS lot_spelling, manufacturer, lifted,
               valid_from AS recalled_from, lead(valid_from) OVER (
                   PARTITION BY recall_id ORDER BY valid_from, log_offset) AS recalled_until
        FROM recall_record WHERE valid_from <= now()
    ) AS recall_or_lifting WHERE NOT lifted
"""
"""Periods in which a recall says the same: from `recalled_from` until before `recalled_until`."""

# Receipts that say who made the lot; what came by transfer doesn't say it.
_MADE_BY: Final = f"""(
    SELECT bool_or(spelling(made.manufacturer) = spelling(recall.manufacturer))
    FROM lot_manufacturer AS made JOIN event ON event.facility_no = made.facility_no
     AND event.event_id = made.event_id AND event.reversed_at IS NULL
    WHERE {is_card("made")}
)"""

IS_RECALLED: Final = f"""
    card.lot <> '' AND spelling(card.lot) = recall.lot_spelling
    AND (recall.manufacturer IS NULL OR coalesce({_MADE_BY}, true))
"""
"""Whether `recall` is of `card`: not if receipts say that another one made the lot."""

RECALLED_DISPENSED: Final = Kind(
    "recalled_dispensed",
    found=given_out(
        f"place CROSS JOIN ({RECALLS}) AS recall"
        " JOIN item_number ON item_number.item_id = recall.item_id"
        " JOIN card ON card.facility_no = place.facility_no AND card.item_no = item_number.item_no"
        f" AND {IS_RECALLED}",
        since="recall.recalled_from",
        until="recall.recalled_until",
        facts="jsonb_build_object('recall_id', recall.recall_id)",
    ),
    sentence="{quantity} were given out of a lot under recall {recall_id}. If the lot was typed "
    "wrongly, correct the event; if not, find out who has the medicine.",
)
