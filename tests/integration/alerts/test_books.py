"""Books that nobody keeps: no counts, negative stock, dispensing in a lump."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

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

COUNT = "no_count"
NEGATIVE = "negative_stock"
LUMP = "entered_in_a_lump"


async def test_no_count_for_90_days(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(counted(PCM=10))
    await timeline.until(10)
    [later] = await timeline.post(counted(False, PCM=10))
    await timeline.until(99, "23:00")
    assert lines_of(await timeline.evaluate(), COUNT) == []
    await timeline.until(100, "09:00")
    assert lines_of(await timeline.evaluate(), COUNT) == [f"{FACILITY}: opened"]
    assert (await timeline.alert(COUNT))["began_at"] == timeline.at(100, "09:00")
    await timeline.post(reversal(later))
    assert lines_of(await timeline.evaluate(), COUNT) == [f"{FACILITY}: changed"]
    await timeline.post(counted(False, PCM=10) | {"occurred_at": timeline.at(50)})
    assert lines_of(await timeline.evaluate(), COUNT) == [f"{FACILITY}: closed"]


async def test_negative_stock_that_nobody_puts_right(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(counted(PCM=10))
    await timeline.until(0, "10:00")
    await timeline.post(dispensed("PCM", 15))
    await timeline.until(2, "09:59")
    assert lines_of(await timeline.evaluate(), NEGATIVE) == []
    await timeline.until(2, "10:00")
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: opened"]
    assert (await timeline.alert(NEGATIVE))["began_at"] == timeline.at(0, "10:00")
    await timeline.until(3)
    [receipt] = await timeline.post(received("PCM", 50) | {"occurred_at": timeline.at(0, "09:30")})
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: closed"]
    await timeline.post(reversal(receipt))
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: opened"]
    await timeline.post(counted(PCM=0))
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: closed"]
    assert [ordinal for _, ordinal, _ in await timeline.history(NEGATIVE)] == [1, 1, 1, 1]


async def test_negative_since_it_last_had_enough(timeline: Timeline) -> None:
    """Nothing is enough, and what is reversed never was."""
    await timeline.register(facility())
    await timeline.post(counted(PCM=10))
    typed = [
        await timeline.post(dispensed("PCM", quantity) | {"occurred_at": timeline.at(0, clock)})
        for clock, quantity in (("10:00", 10), ("11:00", 2), ("12:00", 3))
    ]
    await timeline.post(reversal(typed[1][0]))
    await timeline.until(2, "12:00")
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: opened"]
    assert (await timeline.alert(NEGATIVE))["began_at"] == timeline.at(0, "12:00")


async def test_a_lot_below_nothing_beside_others(timeline: Timeline) -> None:
    """Who typed the wrong lot has enough of the item; who knows no lot has done nothing wrong."""
    await timeline.register(facility())
    await timeline.post(counted(PCM=50, ORS=50))
    await timeline.until(0, "10:00")
    await timeline.post(dispensed("PCM", 7, lot="B2"), dispensed("ORS", 7, lot=None))
    await timeline.until(1)
    await timeline.post(dispensed("PCM", 1, lot="C3"), received("PCM", 1, lot="C3"))
    await timeline.until(2, "09:59")
    assert lines_of(await timeline.evaluate(), NEGATIVE) == []
    await timeline.until(2, "10:00")
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: opened"]
    alert = await timeline.alert(NEGATIVE)
    assert alert["began_at"] == timeline.at(0, "10:00")
    assert orjson.loads(alert["evidence"]) == {"on_hand": 43, "least": -7, "lots": 1}
    await timeline.post(received("PCM", 7, lot="B2"))
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} PCM: closed"]
    await timeline.post(dispensed("ORS", 50, lot=None) | {"occurred_at": timeline.at(0, "11:00")})
    assert lines_of(await timeline.evaluate(), NEGATIVE) == [f"{FACILITY} ORS: opened"]


def prescriptions(timeline: Timeline, apart: timedelta, **told: Any) -> list[dict[str, Any]]:
    start = timeline.at(0, "10:00")
    return [
        dispensed("PCM", 1)
        | {"occurred_at": start + number * apart}
        | {name: value + number if name == "device_seq" else value for name, value in told.items()}
        for number in range(20)
    ]


async def test_a_day_that_was_typed_at_once(timeline: Timeline) -> None:
    await timeline.register(facility())
    lump = prescriptions(timeline, timedelta(seconds=1))
    await timeline.until(0, "18:00")
    await timeline.post(*lump[:19])
    assert lines_of(await timeline.evaluate(), LUMP) == []
    [last] = await timeline.post(lump[19])
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: opened"]
    alert = await timeline.alert(LUMP)
    assert alert["began_at"] == timeline.at(0, "10:00")
    assert '"lumps": 1' in alert["evidence"]
    await timeline.post(reversal(last))
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: closed"]


async def test_even_runs_are_left_after_a_week_and_two_short_ones_are_none(
    timeline: Timeline,
) -> None:
    await timeline.register(facility())
    even = prescriptions(timeline, timedelta(minutes=4))
    later = [
        one | {"occurred_at": one["occurred_at"] + timedelta(hours=2, seconds=90)} for one in even
    ]
    await timeline.until(0, "18:00")
    await timeline.post(*even[:11], *later[:11])
    assert lines_of(await timeline.evaluate(), LUMP) == []
    await timeline.post(*even[11:])
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: opened"]
    await timeline.until(7, "13:00")
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: closed"]


async def test_a_tablet_that_was_offline_is_no_breach(timeline: Timeline) -> None:
    await timeline.register(facility())
    events = prescriptions(timeline, timedelta(minutes=4), device_id="T1", device_seq=1)
    await timeline.until(2)
    await timeline.post(*reversed(events))
    assert lines_of(await timeline.evaluate(), LUMP) == []


@pytest.mark.parametrize("numbers", [{}, {"device_id": "T1"}])
async def test_times_that_a_clock_has_made_up(timeline: Timeline, numbers: dict[str, Any]) -> None:
    """Typed in the evening, one each four minutes."""
    await timeline.register(facility())
    even = prescriptions(timeline, timedelta(minutes=4))
    await timeline.until(0, "18:00")
    await timeline.post(*(one | numbers for one in even[:19]))
    assert lines_of(await timeline.evaluate(), LUMP) == []
    [last] = await timeline.post(even[19] | numbers)
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: opened"]
    alert = await timeline.alert(LUMP)
    assert alert["began_at"] == timeline.at(0, "10:00")
    for words in ('"even_runs": 1', '"lumps": 0', '"largest": 20'):
        assert words in alert["evidence"]
    # another tablet sends what it gave out meanwhile: it says nothing of these times
    await timeline.post(
        dispensed("PCM", 1)
        | {"occurred_at": timeline.at(0, "10:41"), "device_id": "T2", "device_seq": 1}
    )
    assert lines_of(await timeline.evaluate(), LUMP) == []
    await timeline.post(reversal(last))
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: closed"]


@pytest.mark.parametrize("order", [1, -1, 7])
async def test_made_up_times_in_any_order(timeline: Timeline, order: int) -> None:
    await timeline.register(facility())
    even = prescriptions(timeline, timedelta(minutes=4))
    await timeline.until(0, "18:00")
    for number in range(len(even)):
        await timeline.post(even[number * order % len(even)])
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: opened"]
    late = dispensed("PCM", 1) | {"occurred_at": timeline.at(0, "10:41")}
    await timeline.post(late)  # between two of them: a patient that a clock doesn't know
    assert lines_of(await timeline.evaluate(), LUMP) == [f"{FACILITY}: closed"]
