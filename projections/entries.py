"""What each event does to which stock card: the one place where events get their signs."""

from datetime import date
from typing import Final, NamedTuple, assert_never

from stream.events import StockEvent
from stream.facts import (
    EventReversed,
    LotHeld,
    LotReleased,
    MedicineDispensed,
    MedicineReturned,
    StockAdjusted,
    StockCounted,
    StockIssued,
    StockReceived,
    TransferDispatched,
    TransferReceived,
)

UNRECORDED_LOT: Final = ""
"""The lot of a line whose lot nobody knows (``null`` outside the database)."""


class Entry(NamedTuple):
    """One line on one card. `quantity` is signed for a movement, what was counted for a count."""

    item_id: str
    lot: str
    line_no: int
    is_count: bool
    quantity: int
    expiry: date | None


def list_entries(event: StockEvent) -> list[Entry]:
    """The entries of an event, by line_no from 1. Base units."""
    match event:
        case MedicineDispensed() | StockIssued():
            return [
                Entry(line.item_id, line.lot or UNRECORDED_LOT, line_no, False, -line.quantity, None)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case TransferDispatched():
            return [
                Entry(line.item_id, line.lot, line_no, False, -line.quantity, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case StockReceived() | TransferReceived():
            return [
                Entry(line.item_id, line.lot, line_no, False, line.quantity, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case MedicineReturned():
            return [
                Entry(line.item_id, line.lot or UNRECORDED_LOT, line_no, False, line.quantity, None)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case StockAdjusted():
            return [
                Entry(
                    line.item_id,
                    line.lot or UNRECORDED_LOT,
                    line_no,
                    False,
                    line.quantity,
                    line.expiry,
                )
                for line_no, line in enumerate(event.lines, 1)
            ]
        case StockCounted():
            return [
                Entry(
                    line.item_id, line.lot or UNRECORDED_LOT, line_no, True, line.counted, line.expiry
                )
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LotHeld() | LotReleased() | EventReversed():
            return []
        case _:
            assert_never(event)


def reversed_event_id(event: StockEvent) -> str | None:
    """The event that this one reverses, by being a reversal or a correction."""
    return event.reverses if isinstance(event, EventReversed) else event.corrects
