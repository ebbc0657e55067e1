"""A lot was given out while it was on hold at the facility.

Opens with each line, on a dispense or an issue, that happened between a hold and the next release.
Ends with the next count of the lot, goes if the event or the hold is reversed. Matters because
holds are for what may harm.
"""

from typing import Final

from projections.discrepancies.given_out import given_out
from projections.discrepancies.kind import Kind, is_card

HOLDS: Final = """
    SELECT * FROM (
        SELECT lot_hold.facility_no, lot_hold.item_no, lot_hold.lot, lot_hold.is_hold,
               lot_hold.occurred_at AS held_from, lead(lot_hold.occurred_at) OVER (
                   PARTITION BY lot_hold.facility_no, lot_hold.item_no, lot_hold.lot
                   ORDER BY lot_hold.occurred_at, lot_hold.event_id) AS held_until
        FROM place JOIN lot_hold USING (facility_no)
        JOIN event ON event.facility_no = lot_hold.facility_no
         AND event.event_id = lot_hold.event_id AND event.reversed_at IS NULL
    ) AS hold_or_release WHERE is_hold
"""
"""Periods in which a lot is held: from `held_from` until before `held_until` (null: still)."""

HELD_DISPENSED: Final = Kind(
    "held_dispensed",
    found=given_out(
        f"place JOIN ({HOLDS}) AS hold USING (facility_no) JOIN card ON {is_card('card', 'hold')}"
        " JOIN item_number ON item_number.item_no = card.item_no",
        since="hold.held_from",
        until="hold.held_until",
        facts="jsonb_build_object('held_from', hold.held_from)",
    ),
    sentence="{quantity} were given out of a lot on hold. If the lot was typed wrongly, correct "
    "the event; if not, find out who has the medicine.",
)
