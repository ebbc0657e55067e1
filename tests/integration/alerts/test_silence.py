"""Kinds of silence: nothing heard, nothing dispensed, all of it late. 2 March 2026 is a Monday."""

from typing import Any

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    lines_of,
    received,
    reversal,
)

COUNTER = "PHC-1-COUNTER"
SILENT = "not_reporting"
UNUSED = "nothing_dispensed"
LATE = "reports_late"


async def found(timeline: Timeline) -> list[str]:
    return [each for each in await timeline.evaluate() if not each.startswith("not_started")]


async def test_silent_on_open_days_alone(timeline: Timeline) -> None:
    await timeline.register(
        facility(),
        {
            "kind": "closure",
            "closure_id": "C1",
            "district_id": "ajmer",
            "first_day": "2026-03-09",
            "last_day": "2026-03-09",
            "reason": "fair",
        },
    )
    assert await found(timeline) == []  # never heard of: not_started says so
    await timeline.until(4)  # Friday
    await timeline.post(dispensed("PCM", 1))
    await timeline.until(8)  # Tuesday: Saturday was an open day, Sunday and Monday were not
    assert await found(timeline) == []
    await timeline.until(9, "00:01")  # Tuesday is over: the second
    assert await found(timeline) == [f"{SILENT} {FACILITY}: opened"]
    assert (await timeline.alert(SILENT))["began_at"] == timeline.at(5, "00:00")
    await timeline.register(  # found out late: Tuesday was closed, too
        {
            "kind": "closure",
            "closure_id": "C2",
            "facility_id": FACILITY,
            "first_day": "2026-03-10",
            "last_day": "2026-03-10",
            "reason": "election",
        }
    )
    assert await found(timeline) == [f"{SILENT} {FACILITY}: closed"]


async def test_a_counter_speaks_for_its_hospital(timeline: Timeline) -> None:
    await timeline.register(
        facility(), facility(COUNTER, level="COUNTER", parent_facility_id=FACILITY)
    )
    await timeline.post(received("PCM", 10))
    for day in range(5):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", 1) | {"facility_id": COUNTER})
    assert await found(timeline) == []
    await timeline.until(8)
    assert await found(timeline) == [f"{SILENT} {FACILITY}: opened"]
    await timeline.post(dispensed("PCM", 1) | {"facility_id": COUNTER})
    assert await found(timeline) == [f"{SILENT} {FACILITY}: closed"]


async def test_heard_of_and_nothing_dispensed(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(dispensed("PCM", 1))
    for day in range(1, 4):
        await timeline.until(day, "10:00")
        await timeline.post(received("PCM", 1))
    assert await found(timeline) == []  # Tuesday and Wednesday
    await timeline.until(4, "10:00")
    await timeline.post(received("PCM", 1))
    assert await found(timeline) == []  # before its first count it is `not_started`
    await timeline.post(
        {
            "type": "stock_counted",
            "complete": True,
            "lines": [{"item_id": "PCM", "lot": "A1", "counted": 3}],
        }
    )
    assert await found(timeline) == [f"{UNUSED} {FACILITY}: opened"]
    assert (await timeline.alert(UNUSED))["began_at"] == timeline.at(1, "00:00")
    # a tablet syncs: Wednesday's were given out after all, so Thursday alone is without
    await timeline.post(dispensed("PCM", 1) | {"occurred_at": timeline.at(2)})
    assert await found(timeline) == [f"{UNUSED} {FACILITY}: closed"]


async def test_what_was_dispensed_last_counts_unless_it_is_reversed(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(counted(PCM=10), dispensed("PCM", 1))
    await timeline.until(4, "10:00")
    [last] = await timeline.post(dispensed("PCM", 1))
    assert await found(timeline) == []
    await timeline.post(reversal(last))
    assert await found(timeline) == [f"{UNUSED} {FACILITY}: opened"]
    await timeline.until(8)  # it isn't even heard of
    assert await found(timeline) == [
        f"{SILENT} {FACILITY}: opened",
        f"{UNUSED} {FACILITY}: closed",
    ]


async def test_open_days_are_counted_from_the_last_dispense_of_all_parts(
    timeline: Timeline,
) -> None:
    """The counter's on Saturday: by Wednesday it was open for two days since."""
    await timeline.register(
        facility(), facility(COUNTER, level="COUNTER", parent_facility_id=FACILITY)
    )
    await timeline.post(counted(PCM=10), dispensed("PCM", 1))
    await timeline.until(5)
    await timeline.post(dispensed("PCM", 1) | {"facility_id": COUNTER})
    for day in (7, 8, 9):
        await timeline.until(day)
        await timeline.post(received("PCM", 1))
    assert await found(timeline) == []


async def test_all_of_it_late(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.until(2)
    late = [
        dispensed("PCM", 1) | {"occurred_at": timeline.at(1, f"1{hour}:00")} for hour in "01234"
    ]
    await timeline.post(*late[:4])
    assert await found(timeline) == []  # four say nothing
    await timeline.post(late[4])
    assert await found(timeline) == [f"{LATE} {FACILITY}: opened"]
    assert lines_of(await timeline.evaluate(), SILENT) == []
    await timeline.post(dispensed("PCM", 1))
    assert await found(timeline) == [f"{LATE} {FACILITY}: closed"]


async def test_for_how_many_open_days_is_a_threshold(timeline: Timeline) -> None:
    """Heard of on Friday: of the days after, Sunday is none."""

    def after(days: int) -> dict[str, Any]:
        told = {"kind": "threshold", "threshold_id": "T1", "rule": SILENT, "level": "PHC"}
        return told | {"parameters": {"open_days": days}}

    await timeline.register(facility(), after(1))
    await timeline.until(4)
    await timeline.post(dispensed("PCM", 1))
    await timeline.until(5, "23:59")
    assert await found(timeline) == []
    await timeline.until(6, "00:01")  # Saturday is over
    assert await found(timeline) == [f"{SILENT} {FACILITY}: opened"]
    await timeline.register(after(4))
    assert await found(timeline) == [f"{SILENT} {FACILITY}: closed"]
    await timeline.until(9, "23:59")
    assert await found(timeline) == []
    await timeline.until(10, "00:01")  # so are Monday, Tuesday and Wednesday
    assert await found(timeline) == [f"{SILENT} {FACILITY}: opened"]


async def test_from_how_many_hours_on_it_is_late_is_a_threshold(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.until(2)
    typed = [
        dispensed("PCM", 1) | {"occurred_at": timeline.at(1, f"1{hour}:00")} for hour in "01234"
    ]
    await timeline.post(*typed)  # 19 to 23 hours after
    later = {"kind": "threshold", "threshold_id": "T1", "rule": LATE, "parameters": {"hours": 20}}
    await timeline.register(later)
    assert await found(timeline) == []
    await timeline.register(later | {"parameters": {"hours": 18}})
    assert await found(timeline) == [f"{LATE} {FACILITY}: opened"]
