"""Surges by EARS C2, computed by hand: a day against the seven OPD days from nine to three before.

Broken on purpose once, to see these tests fail: the window moved by a day, `/ 7` for `/ 6` (the
deviation of all instead of a sample's), without `floor`, without `least`.
"""

import random
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.alerts.timeline import (
    FACILITY,
    Line,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
    received,
    reversal,
)

RULE = "surge_of_item"
OF_CLASS = "surge_of_class"
QUIET = (20, 22, 18, 21, 19, 20, 20)
"""Mean 20, sample deviation 1.29: the floor, 5, counts, so more than 35 are a surge."""
WIDE = (10, 30, 10, 30, 10, 30, 20)
"""Mean 20, squares of deviations 600, sample deviation 10 (of all 9.26): more than 50."""


def prescribed(timeline: Timeline, item_id: str, by_day: tuple[int, ...]) -> list[dict[str, Any]]:
    """So many on each day from the story's first on."""
    return [
        dispensed(item_id, 1) | {"occurred_at": timeline.at(day) + timedelta(minutes=7 * number)}
        for day, count in enumerate(by_day)
        for number in range(count)
    ]


def atc(code: str) -> dict[str, Any]:
    return {"identifiers": [{"system": "GTIN", "value": "1"}, {"system": "ATC", "value": code}]}


async def begin(timeline: Timeline) -> None:
    await timeline.register(
        facility(closed_weekdays=[]),
        facility("CHC-2", level="CHC", district_id="kota", closed_weekdays=[]),
        item("ORS", "V", **atc("A07CA01")),
        item("AMOX", "E", **atc("j01ca04")),
        item("AMPI", "E", **atc("J01CA01")),
        item("TB4", "E", programme="NTEP"),
        item("TB2", "E", programme="NTEP"),
    )
    await timeline.until(10)


@pytest.mark.parametrize(
    ("before", "day", "opened"),
    [(QUIET, 35, False), (QUIET, 36, True), (WIDE, 50, False), (WIDE, 51, True)],
)
async def test_by_hand(timeline: Timeline, before: tuple[int, ...], day: int, opened: bool) -> None:
    """The two days before it (30 each) don't count; what comes in which order doesn't matter."""
    await begin(timeline)
    events = prescribed(timeline, "ORS", (*before, 30, 30, day))
    random.Random(day).shuffle(events)
    await timeline.post(*events)
    found = lines_of(await timeline.evaluate(), RULE)
    assert found == (["district/ajmer ORS: opened"] if opened else [])
    if opened:
        alert = await timeline.alert(RULE)
        assert alert["severity"] == "warning"
        for words in ('"day": "2026-03-11"', f'"prescriptions": {day}', '"usual": 20'):
            assert words in alert["evidence"]


async def test_a_day_without_any_of_it_counts_as_none(timeline: Timeline) -> None:
    """Nine OPD days without ORS: mean 0, so the floor alone: 30 are one, as fewer never are."""
    await begin(timeline)
    await timeline.post(*prescribed(timeline, "AMOX", (5,) * 10))
    *others, last = prescribed(timeline, "ORS", (0,) * 9 + (30,))
    await timeline.post(*others)
    assert lines_of(await timeline.evaluate(), RULE) == []
    [last_id] = await timeline.post(last)
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: opened"]
    await timeline.post(reversal(last_id))
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: closed"]


EMERGENCIES = 2
SUNDAY, HOLIDAY = 6, 9


@pytest.mark.parametrize("others_are_open", [False, True])
async def test_emergencies_make_no_opd_day(timeline: Timeline, others_are_open: bool) -> None:
    """2 prescriptions on a Sunday and on a holiday. After 7 days with 30, more than 46 are a surge;
    with the Sunday among them, more than 57. It is one where half of the facilities are open.
    """
    await timeline.register(
        facility(),
        facility("PHC-2", closed_weekdays=[] if others_are_open else None),
        item("ORS", "V"),
        {
            "kind": "closure",
            "closure_id": "HOLI",
            "reason": "holiday",
            "first_day": "2026-03-11",
            "last_day": "2026-03-11",
        }
        | ({"facility_id": FACILITY} if others_are_open else {"district_id": "ajmer"}),
    )
    await timeline.until(12)
    by_day = [30] * 11 + [55]
    by_day[SUNDAY] = by_day[HOLIDAY] = EMERGENCIES
    await timeline.post(*prescribed(timeline, "ORS", tuple(by_day)))
    assert lines_of(await timeline.evaluate(), RULE) == (
        [] if others_are_open else ["district/ajmer ORS: opened"]
    )


async def test_it_ends_after_three_days(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(*prescribed(timeline, "ORS", (*QUIET, 20, 20, 40)))
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: opened"]
    await timeline.until(12, "23:59")
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.until(13, "00:01")
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: closed"]


async def test_prescriptions_count_not_lines_nor_tablets(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(received("ORS", 10_000), received("ORS", 10_000, lot="B2"))
    line = {"item_id": "ORS", "lot": "A1", "quantity": 100}
    two_lots = [line, line | {"lot": "B2"}]
    events = prescribed(timeline, "ORS", (*QUIET, 20, 20, 35))
    await timeline.post(*(event | {"lines": two_lots} for event in events))
    assert lines_of(await timeline.evaluate(), RULE) == []
    away = dispensed("ORS", 0, prescribed=10)  # whoever is sent away was ill as well
    await timeline.post(away | {"occurred_at": timeline.at(9, "18:00")})
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: opened"]


async def test_districts_apart_and_facilities_together(timeline: Timeline) -> None:
    await begin(timeline)
    events = prescribed(timeline, "ORS", (*QUIET, 20, 20, 36))
    await timeline.post(*(event | {"facility_id": "CHC-2"} for event in events[::2]), *events[1::2])
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.register(
        facility("CHC-2", level="CHC", closed_weekdays=[])
    )  # it belongs to ajmer
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: opened"]


@pytest.mark.parametrize(
    ("items", "of_class"), [(("AMOX", "AMPI"), "J01C"), (("TB4", "TB2"), "NTEP")]
)
async def test_a_class(timeline: Timeline, items: tuple[str, str], of_class: str) -> None:
    """Each of two items too few by itself: 20 usual together, then 36."""
    await begin(timeline)
    for item_id in items:
        await timeline.post(*prescribed(timeline, item_id, (10,) * 9 + (18,)))
    found = await timeline.evaluate()
    assert lines_of(found, RULE) == []
    assert lines_of(found, OF_CLASS) == ["district/ajmer: opened"]
    alert = await timeline.alert(OF_CLASS)
    assert (alert["item_class"], alert["item_no"]) == (of_class, 0)
    assert await timeline.open_alerts(OF_CLASS) == [
        Line(OF_CLASS, "district/ajmer", None, "warning")
    ]
    assert lines_of(await timeline.evaluate(), OF_CLASS) == []  # found again: nothing new


async def test_two_classes_are_two_alerts(timeline: Timeline) -> None:
    await begin(timeline)
    for item_id in ("ORS", "AMOX"):
        await timeline.post(*prescribed(timeline, item_id, (*QUIET, 20, 20, 36)))
    assert lines_of(await timeline.evaluate(), OF_CLASS) == ["district/ajmer: opened"] * 2
    rows = await timeline.connection.fetch(
        "SELECT item_class FROM alert WHERE rule = $1 ORDER BY 1", OF_CLASS
    )
    assert [row["item_class"] for row in rows] == ["A07C", "J01C"]
    await timeline.until(13, "00:01")
    assert lines_of(await timeline.evaluate(), OF_CLASS) == ["district/ajmer: closed"] * 2


async def test_a_threshold_makes_it_stricter(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(counted(ORS=9), *prescribed(timeline, "ORS", (*QUIET, 20, 20, 36)))
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: opened"]
    stricter = {
        "kind": "threshold",
        "threshold_id": "T1",
        "rule": RULE,
        "state": "RJ",
        "parameters": {"deviations": 4},
    }
    await timeline.register(stricter)
    assert lines_of(await timeline.evaluate(), RULE) == ["district/ajmer ORS: closed"]


@pytest.mark.parametrize(("day", "opened"), [(33, False), (34, True)])
async def test_counts_scatter_by_chance(timeline: Timeline, day: int, opened: bool) -> None:
    """Without a floor the square root of the mean counts: 20 and three times 4.5."""
    await begin(timeline)
    await timeline.register(
        {"kind": "threshold", "threshold_id": "T1", "rule": RULE, "parameters": {"floor": 1}}
    )
    await timeline.post(*prescribed(timeline, "ORS", (*QUIET, 30, 30, day)))
    assert bool(lines_of(await timeline.evaluate(), RULE)) is opened


async def test_what_has_no_class_is_in_none(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.register(item("GEN", "E"))
    await timeline.post(*prescribed(timeline, "GEN", (*QUIET, 30, 30, 36)))
    found = await timeline.evaluate()
    assert lines_of(found, RULE) == ["district/ajmer GEN: opened"]
    assert lines_of(found, OF_CLASS) == []
