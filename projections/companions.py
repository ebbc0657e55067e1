"""Rows beside the ledger that an event also gives: transfer lines, holds and releases.

They only say what the event said. Whether it was reversed, and when it was recorded, is looked up
in `event`, so a reversal never touches them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from projections.arrivals import Arrival
from stream.events import (
    LoggedLotHeld,
    LoggedLotReleased,
    LoggedTransferDispatched,
    LoggedTransferReceived,
    StockEvent,
)

TRANSFER_COLUMNS: Final = (
    "facility_no",
    "event_id",
    "line_no",
    "from_facility_id",
    "to_facility_id",
    "transfer_id",
    "is_dispatch",
    "item_no",
    "lot",
    "quantity",
    "damaged",
)
HOLD_COLUMNS: Final = ("facility_no", "item_no", "lot", "occurred_at", "event_id", "is_hold")

COMPANION_TYPES: Final = frozenset(
    {"transfer_dispatched", "transfer_received", "lot_held", "lot_released"}
)

TransferLine = tuple[int, str, str, str, bool, str, str, int, int]


def list_transfer_lines(event: StockEvent) -> list[TransferLine]:
    """(line_no, from, to, transfer_id, is_dispatch, item_id, lot, quantity, damaged)."""
    match event:
        case LoggedTransferDispatched():
            ends = (event.facility_id, event.to_facility_id, event.transfer_id, True)
            return [
                (line_no, *ends, line.item_id, line.lot, line.quantity, 0)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case LoggedTransferReceived():
            ends = (event.from_facility_id, event.facility_id, event.transfer_id, False)
            return [
                (line_no, *ends, line.item_id, line.lot, line.quantity, line.damaged)
                for line_no, line in enumerate(event.lines, 1)
            ]
        case _:
            return []


async def write_companions(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    item_nos: Mapping[str, int],
) -> None:
    """Write the rows within the caller's transaction."""
    transfers: list[tuple[Any, ...]] = []
    holds: list[tuple[Any, ...]] = []
    for arrival in applied:
        event = arrival.event
        if event.type not in COMPANION_TYPES:
            continue
        match event:
            case LoggedLotHeld() | LoggedLotReleased():
                card = (arrival.facility_no, item_nos[event.item_id], event.lot)
                is_hold = event.type == "lot_held"
                holds.append((*card, event.occurred_at, arrival.event_id, is_hold))
            case LoggedTransferDispatched() | LoggedTransferReceived():
                of_event = (arrival.facility_no, arrival.event_id)
                for *ends, item_id, lot, quantity, damaged in list_transfer_lines(event):
                    transfers.append((*of_event, *ends, item_nos[item_id], lot, quantity, damaged))
    if transfers:
        await connection.copy_records_to_table(
            "transfer_line", columns=TRANSFER_COLUMNS, records=transfers
        )
    if holds:
        await connection.copy_records_to_table("lot_hold", columns=HOLD_COLUMNS, records=holds)


def named_items(arrival: Arrival) -> list[str]:
    """The ids of all items that an event names, on lines or as a held lot."""
    event = arrival.event
    if not arrival.entries and isinstance(event, LoggedLotHeld | LoggedLotReleased):
        return [event.item_id]
    return [entry[0] for entry in arrival.entries]
