"""Which way each type of event moves stock, in numbers: everything else takes it from there."""

from datetime import date
from typing import Final

import pytest

from projections.entries import Entry, list_entries, reversed_event_id
from stream.codec import decode_event
from stream.events import EVENT_TYPES
from tests.contract.test_golden import read_golden, record_of

PCM: Final = "PARACETAMOL-TAB-500"
GOOD_UNTIL: Final = date(2027, 3, 31)

ENTRIES: Final[dict[str, list[Entry]]] = {
    "stock_received": [
        (PCM, "PB2410", 1, False, 1000, GOOD_UNTIL),
        (PCM, "PB2411 ", 2, False, 1, date(2027, 4, 15)),
    ],
    "stock_issued": [(PCM, "PB2410", 1, False, -20, None), (PCM, "", 2, False, -1, None)],
    "transfer_dispatched": [(PCM, "PB2410", 1, False, -500, GOOD_UNTIL)],
    # what came damaged never was on the shelf
    "transfer_received": [
        (PCM, "PB2410", 1, False, 490, GOOD_UNTIL),
        (PCM, "PB2411", 2, False, 0, None),
    ],
    "medicine_dispensed": [(PCM, "PB2410", 1, False, -10, None), (PCM, "", 2, False, 0, None)],
    "medicine_returned": [(PCM, "PB2410", 1, False, 2, None)],
    "stock_adjusted": [
        (PCM, "PB2410", 1, False, -12, date(2024, 2, 29)),
        (PCM, "", 2, False, 3, None),
    ],
    "stock_counted": [(PCM, "PB2410", 1, True, 960, GOOD_UNTIL), (PCM, "", 2, True, 0, None)],
    "lot_held": [],
    "lot_released": [],
    "event_reversed": [],
}


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_each_type_moves_stock_its_way(name: str) -> None:
    record = record_of(read_golden(name), 0)
    event = decode_event(record.key, record.value, record.headers)
    assert list_entries(event) == ENTRIES[name]


def test_a_reversal_and_a_correction_take_one_event_back() -> None:
    taken_back = {}
    for name in EVENT_TYPES:
        record = record_of(read_golden(name), 0)
        event = decode_event(record.key, record.value, record.headers)
        taken_back[name] = reversed_event_id(event)
    assert {name: event_id for name, event_id in taken_back.items() if event_id} == {
        "stock_adjusted": "0192f0c1-2f6e-7c3a-9b1d-000000000063",
        "event_reversed": "0192f0c1-2f6e-7c3a-9b1d-000000000002",
    }
