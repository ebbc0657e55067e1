"""Receipts that are never recorded: written timelines."""

from typing import Any

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    dispensed,
    facility,
    lines_of,
    received,
    reversal,
)

RECEIPTS = "receipts_not_recorded"
TRANSFERS = "transfers_not_acknowledged"
COUNTER = "PHC-1-COUNTER"
LINE = {"item_id": "PCM", "lot": "A1", "quantity": 5}


def sent(transfer_id: str) -> dict[str, Any]:
    return {
        "type": "transfer_dispatched",
        "facility_id": "STORE",
        "to_facility_id": FACILITY,
        "transfer_id": transfer_id,
        "lines": [LINE],
    }


def came(transfer_id: str, sender: str = "STORE") -> dict[str, Any]:
    return {
        "type": "transfer_received",
        "from_facility_id": sender,
        "transfer_id": transfer_id,
        "lines": [LINE],
    }


async def test_dispensing_without_receipts(timeline: Timeline) -> None:
    await timeline.register(
        facility(), facility(COUNTER, level="COUNTER", parent_facility_id=FACILITY)
    )
    await timeline.post(dispensed("PCM", 1))
    await timeline.until(29, "09:00")
    # what goes from the hospital to its own counter is no receipt
    await timeline.post(dispensed("PCM", 1), came("T0", FACILITY) | {"facility_id": COUNTER})
    assert lines_of(await timeline.evaluate(), RECEIPTS) == []
    await timeline.until(30, "09:00")  # 30 days since the first dispense
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: opened"]
    assert (await timeline.alert(RECEIPTS))["began_at"] == timeline.at(30, "09:00")
    [receipt] = await timeline.post(received("PCM", 9) | {"occurred_at": timeline.at(10)})
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: closed"]
    await timeline.post(reversal(receipt))
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: opened"]
    [transfer] = await timeline.post(came("T9") | {"occurred_at": timeline.at(10)})
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: closed"]
    await timeline.post(reversal(transfer))
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: opened"]
    await timeline.until(37)  # nothing dispensed for a week: another rule's matter
    assert lines_of(await timeline.evaluate(), RECEIPTS) == [f"{FACILITY}: closed"]


async def test_transfers_that_nobody_acknowledges(timeline: Timeline) -> None:
    await timeline.register(facility(), facility("STORE", level="WAREHOUSE"))
    [first] = await timeline.post(sent("T1"))
    await timeline.until(1)
    await timeline.post(sent("T2"))
    await timeline.until(6, "23:00")
    assert lines_of(await timeline.evaluate(), TRANSFERS) == []
    await timeline.until(7, "09:00")
    assert lines_of(await timeline.evaluate(), TRANSFERS) == [f"{FACILITY}: opened"]
    assert (await timeline.alert(TRANSFERS))["began_at"] == timeline.at(7, "09:00")
    await timeline.until(9)
    # T1 was never sent: it began with T2, a day later
    await timeline.post(reversal(first) | {"facility_id": "STORE"})
    assert lines_of(await timeline.evaluate(), TRANSFERS) == [f"{FACILITY}: changed"]
    await timeline.post(came("T3"))
    assert lines_of(await timeline.evaluate(), TRANSFERS) == []  # T2 hasn't come by that
    [receipt] = await timeline.post(came("T2") | {"occurred_at": timeline.at(2)})
    assert lines_of(await timeline.evaluate(), TRANSFERS) == [f"{FACILITY}: closed"]
    await timeline.post(reversal(receipt))
    assert lines_of(await timeline.evaluate(), TRANSFERS) == [f"{FACILITY}: opened"]
    assert await timeline.history(TRANSFERS) == [
        ("opened", 1, "09 09:00"),
        ("changed", 1, "10 09:00"),
        ("closed", 1, "10 09:00"),
        ("opened", 1, "10 09:00"),
    ]
    await timeline.until(182)  # 181 days since it was sent
    assert lines_of(await timeline.evaluate(), TRANSFERS) == [f"{FACILITY}: closed"]
