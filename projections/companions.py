"""Rows beside the ledger that an event also gives: transfer lines, holds, makers of lots.

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
    LoggedStockReceived,
    LoggedTransferDispatched,
    LoggedTransferReceived,
    StockEvent,
)

COLUMNS: Final = {
    "transfer_line": (
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
    ),
    "lot_hold": ("facility_no", "item_no", "lot", "occurred_at", "event_id", "is_hold"),
    "lot_manufacturer": ("facility_no", "item_no", "lot", "event_id", "line_no", "manufacturer"),
}

COMPANION_TYPES: Final = frozenset(
    {"stock_received", "transfer_dispatched", "transfer_received", "lot_held", "lot_released"}
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


def list_manufacturers(event: StockEvent) -> list[tuple[str, str, int, str]]:
    """(item_id, lot, line_no, manufacturer) of the lines that say who made the lot."""
    if not isinstance(event, LoggedStockReceived):
        return []
    return [
        (line.item_id, line.lot, line_no, line.manufacturer)
        for line_no, line in enumerate(event.lines, 1)
        if line.manufacturer is not None
    ]


async def write_companions(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    item_nos: Mapping[str, int],
) -> None:
    """Write the rows within the caller's transaction."""
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
    for arrival in applied:
        if arrival.event.type in COMPANION_TYPES:
            table, of_event = _list_rows(arrival, item_nos)
            rows[table] += of_event
    for table, listed in rows.items():
        if listed:
            await connection.copy_records_to_table(table, columns=COLUMNS[table], records=listed)


def _list_rows(arrival: Arrival, item_nos: Mapping[str, int]) -> tuple[str, list[tuple[Any, ...]]]:
    event, facility_no, event_id = arrival.event, arrival.facility_no, arrival.event_id
    if isinstance(event, LoggedLotHeld | LoggedLotReleased):
        card = (facility_no, item_nos[event.item_id], event.lot)
        return "lot_hold", [(*card, event.occurred_at, event_id, event.type == "lot_held")]
    if isinstance(event, LoggedStockReceived):
        return "lot_manufacturer", [
            (facility_no, item_nos[item_id], lot, event_id, line_no, manufacturer)
            for item_id, lot, line_no, manufacturer in list_manufacturers(event)
        ]
    return "transfer_line", [
        (facility_no, event_id, *ends, item_nos[item_id], lot, quantity, damaged)
        for *ends, item_id, lot, quantity, damaged in list_transfer_lines(event)
    ]


def named_items(arrival: Arrival) -> list[str]:
    """The ids of all items that an event names, on lines or as a held lot."""
    event = arrival.event
    if not arrival.entries and isinstance(event, LoggedLotHeld | LoggedLotReleased):
        return [event.item_id]
    return [entry[0] for entry in arrival.entries]
