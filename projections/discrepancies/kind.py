"""What each kind of discrepancy is to the composition that lists them all."""

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """`found` and `ended` are SELECTs whose columns are `COLUMNS`, in that order.

    They read the CTE `place (facility_no, facility_id, zone)`, the facilities asked about, and
    `$3`, the instant to look back to. What has ended before that instant isn't listed, so they
    need not find it.

    Attributes:
        found: every open discrepancy, and ended ones where they come at no extra cost.
        ended: those that have ended, where finding them takes a look of its own.
        sentence: what is wrong, for a pharmacist; a template over `facts`.
        looks_back: opened by a single event that only a walk through the events finds: of events
            that occurred before `$3`, none is found.
    """

    name: str
    found: str
    sentence: str
    ended: str | None = None
    looks_back: bool = False


COLUMNS: Final = (
    "facility_id",
    "item_id",  # null where it is about no item, or several
    "lot",  # '' the unrecorded one, null where it is about none
    "line_no",  # of the event that opened it
    "opened_at",
    "opened_by",  # event ids, the one that opened it last
    "closed_at",
    "closed_by",  # event ids
    "facts",  # jsonb
)

GIVEN_OUT: Final = "('medicine_dispensed', 'stock_issued')"
"""Types of events by which stock leaves for patients, for good."""


def is_card(entry: str, card: str = "card") -> str:
    """`entry` is on the card of `card`."""
    return (
        f"{entry}.facility_no = {card}.facility_no AND {entry}.item_no = {card}.item_no "
        f"AND {entry}.lot = {card}.lot"
    )
