"""What each event does to which stock card: the one place where events get their signs."""

from collections.abc import Collection
from datetime import date
from typing import Final, TypeAlias, assert_never

from stream.events import (
    LoggedDispense,
    LoggedEventReversed,
    LoggedLotHeld,
    LoggedLotReleased,
    LoggedMedicineReturned,
    LoggedStockAdjusted,
    LoggedStockCounted,
    LoggedStockIssued,
    LoggedStockReceived,
    LoggedTransferDispatched,
    LoggedTransferReceived,
    StockEvent,
)

UNRECORDED_LOT: Final = ""
"""The lot of a line whose lot nobody knows (``null`` outside the database)."""

Entry: TypeAlias = tuple[str, str, int, bool, int, date | None]
"""One line on one card: (item_id, lot, line_no, is_count, quantity, expiry); the quantity is signed
for a movement, what was counted for a count. A plain tuple: some 100,000 are made in a second."""


def list_entries(event: StockEvent) -> list[Entry]:  # noqa: C901 (one arm a type)
    """The entries of an event, by line_no from 1. Base units."""
    # By what is usual. The exact classes: an isinstance check against a pydantic base class is
    # some twenty times slower.
    entries: list[Entry]
    match event:
        case LoggedDispense():
            entries = [
                (line.item_id, line.lot or UNRECORDED_LOT, line_no, False, -line.quantity, None)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedStockReceived():
            entries = [
                (line.item_id, line.lot, line_no, False, line.quantity, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedStockIssued():
            entries = [
                (line.item_id, line.lot or UNRECORDED_LOT, line_no, False, -line.quantity, None)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedTransferDispatched():
            entries = [
                (line.item_id, line.lot, line_no, False, -line.quantity, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedTransferReceived():
            entries = [
                (line.item_id, line.lot, line_no, False, line.quantity, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedMedicineReturned():
            entries = [
                (line.item_id, line.lot or UNRECORDED_LOT, line_no, False, line.quantity, None)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedStockAdjusted():
            entries = [
                (
                    line.item_id,
                    line.lot or UNRECORDED_LOT,
                    line_no,
                    False,
                    line.quantity,
                    line.expiry,
                )
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedStockCounted():
            entries = [
                (line.item_id, line.lot or UNRECORDED_LOT, line_no, True, line.counted, line.expiry)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedLotHeld() | LoggedLotReleased() | LoggedEventReversed():
            entries = []
        case _:
            assert_never(event)
    return entries


def list_items(event: StockEvent) -> Collection[str]:
    """The items about which an event says something."""
    if isinstance(event, LoggedLotHeld | LoggedLotReleased):
        return [event.item_id]
    return {item_id for item_id, *_ in list_entries(event)}


def reversed_event_id(event: StockEvent) -> str | None:
    """The event that this one reverses, by being a reversal or a correction."""
    return event.reverses if event.type == "event_reversed" else event.corrects
