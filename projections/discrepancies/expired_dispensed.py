"""A lot was given out after its expiry day.

Opens with each line, on a dispense or an issue, that happened after the lot's expiry day in the
facility's zone; where facts differ about the expiry, the earliest counts. Ends with the next count
of the lot, goes if the event is reversed or corrected. Matters because a patient may have it; or
the wrong lot was typed, and then the book of two lots is wrong.
"""

from typing import Final

from projections.discrepancies.given_out import given_out
from projections.discrepancies.kind import Kind


def expired_from(expiry: str, zone: str) -> str:
    """The first instant at which a lot can't be given any more: it is usable through its day."""
    return f"(({expiry} + 1)::timestamp AT TIME ZONE {zone})"


EXPIRED_DISPENSED: Final = Kind(
    "expired_dispensed",
    found=given_out(
        "place JOIN card ON card.facility_no = place.facility_no AND card.lot <> ''"
        " AND card.expiry IS NOT NULL JOIN item_number USING (item_no)",
        since=expired_from("card.expiry", "place.zone"),
        facts="jsonb_build_object('expiry', card.expiry)",
    ),
    sentence="{quantity} were given out of a lot that expired on {expiry}. If the lot was typed "
    "wrongly, correct the event; if not, find out who has the medicine.",
)
