"""What became of goods that one facility sent to another: the one place that says so."""

from typing import Final, Literal, NamedTuple

TransferStatus = Literal[
    "unmatched", "overdue", "in_transit", "short", "over", "damaged", "received"
]
"""In the order in which they matter: a transfer's `status` is its first one."""

STATUSES: Final[tuple[TransferStatus, ...]] = (
    "unmatched",
    "overdue",
    "in_transit",
    "short",
    "over",
    "damaged",
    "received",
)


class Sent(NamedTuple):
    """What both ends posted of a lot, or of an item, that stands. Base units."""

    dispatched: int
    received: int
    """In good state."""
    damaged: int


class Fate(NamedTuple):
    """Where it is. `in_transit` is in nobody's on hand; `damaged` and `short` are lost.

    dispatched + over + unmatched = received + damaged + in_transit + short
    """

    in_transit: int
    short: int
    over: int
    unmatched: int


def fate_of(sent: Sent, *, is_dispatched: bool, is_received: bool) -> Fate:
    """Before any receipt of the transfer all is in transit; from the first one on what is missing
    is short. `is_dispatched` and `is_received` are of the whole transfer.
    """
    arrived = sent.received + sent.damaged
    if not is_dispatched:
        return Fate(0, 0, 0, arrived)
    if not is_received:
        return Fate(sent.dispatched, 0, 0, 0)
    return Fate(0, max(0, sent.dispatched - arrived), max(0, arrived - sent.dispatched), 0)
