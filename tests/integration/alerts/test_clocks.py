"""Rules that count days, by the machine's clock: over month ends, India's midnight, leap day.

India's midnight is 18:30 in UTC. 29 February 2024 is a Thursday, 28 February 2023 a Tuesday. Broken
on purpose once, to see these tests fail: `india_day` by UTC.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
import time_machine

from projections import lane as lane_module
from projections.figures.days import india_today
from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
    received,
)

SECOND = timedelta(seconds=1)


class Clock:
    """The machine's, and the story's with it."""

    def __init__(self, traveller: time_machine.Traveller, timeline: Timeline) -> None:
        self._traveller = traveller
        self._timeline = timeline

    async def turn(self, instant: datetime) -> None:
        self._traveller.move_to(instant, tick=False)
        self._timeline.now = datetime.now(UTC)
        await self._timeline.settle()


@pytest.fixture
def clock(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    monkeypatch.setattr(lane_module, "india_today", india_today)
    with time_machine.travel(timeline.now, tick=False) as traveller:
        yield Clock(traveller, timeline)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Story(NamedTuple):
    """What happens when, and the first instant at which the rule holds."""

    rule: str
    facts: list[tuple[str, dict[str, Any]]]
    holds_from: str


def directive(deadline: str) -> dict[str, Any]:
    return {
        "kind": "directive",
        "directive_id": "D1",
        "title": "The module is in use",
        "requires": "module_in_use",
        "levels": ["PHC"],
        "deadline": deadline,
    }


def expired(month: str, holds_from: str) -> Story:
    """Printed so on the pack; the facility is heard of on the last day."""
    count = counted(PCM=10)
    count["lines"][0]["expiry"] = month
    heard = (f"{holds_from[:10]}T06:00", dispensed("PCM", 1))
    return Story("expired_stock", [(f"{month}-01T06:00", count), heard], holds_from)


def missed(deadline: str) -> Story:
    first = f"{deadline[:7]}-01T06:00"
    return Story("module_not_active", [(first, directive(deadline))], f"{deadline}T18:30")


def uncounted(counted_at: str, holds_from: str) -> Story:
    return Story("no_count", [(counted_at, counted(PCM=10))], holds_from)


def unsupplied(first: str, last: str, holds_from: str) -> Story:
    given = dispensed("PCM", 1)
    return Story("receipts_not_recorded", [(first, given), (last, given)], holds_from)


def silent(heard_at: str, holds_from: str) -> Story:
    return Story("not_reporting", [(heard_at, counted(PCM=10))], holds_from)


STORIES = {
    "deadline on leap day": missed("2024-02-29"),
    "deadline at the end of February": missed("2023-02-28"),
    "deadline at a month's end": missed("2023-04-30"),
    "deadline at the year's end": missed("2023-12-31"),
    "expiry in a leap year": expired("2024-02", "2024-02-29T18:30"),
    "expiry in another year": expired("2023-02", "2023-02-28T18:30"),
    "silent over leap day": silent("2024-02-27T18:29:59", "2024-02-29T18:30"),
    "silent over the end of February": silent("2023-02-25T06:00", "2023-02-28T18:30"),
    "heard of a second after midnight": silent("2024-02-27T18:30:00", "2024-03-01T18:30"),
    "90 days to leap day": uncounted("2023-12-01T12:00", "2024-02-29T12:00"),
    "90 days past February": uncounted("2022-12-01T12:00", "2023-03-01T12:00"),
    "30 days to leap day": unsupplied("2024-01-30T12:00", "2024-02-28T12:00", "2024-02-29T12:00"),
    "30 days past February": unsupplied("2023-01-30T12:00", "2023-02-27T12:00", "2023-03-01T12:00"),
    "open days up to leap day": Story(
        "nothing_dispensed",
        [
            ("2024-02-26T06:00", counted(PCM=10)),
            ("2024-02-26T18:29:59", dispensed("PCM", 1)),
            ("2024-02-28T06:00", received("PCM", 10)),
            ("2024-02-29T06:00", received("PCM", 10)),
        ],
        "2024-02-29T18:30",
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
async def test_to_the_second(timeline: Timeline, clock: Clock, story: Story) -> None:
    await clock.turn(utc(story.facts[0][0]) - SECOND)
    await timeline.register(facility(), item("PCM", "E"))
    for instant, fact in story.facts:
        await clock.turn(utc(instant))
        await (timeline.register(fact) if "kind" in fact else timeline.post(fact))
    first = utc(story.holds_from)
    await clock.turn(first - SECOND)
    assert lines_of(await timeline.evaluate(), story.rule) == []
    await clock.turn(first)
    [opened] = lines_of(await timeline.evaluate(), story.rule)
    assert opened.endswith(": opened")
    assert opened.startswith(FACILITY)


async def test_a_surge_on_leap_day(timeline: Timeline, clock: Clock) -> None:
    """Told once the day is over in India; what comes a second later is the next day's."""
    first = utc("2024-02-20T06:00")
    await clock.turn(first)
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "V"))
    for day, count in enumerate((20, 22, 18, 21, 19, 20, 20, 20, 20, 35)):
        await clock.turn(first + timedelta(days=day))
        await timeline.post(*(dispensed("PCM", 1) for _ in range(count)))
    await clock.turn(utc("2024-02-29T18:29:59"))
    last = dispensed("PCM", 1) | {"occurred_at": timeline.now}
    assert lines_of(await timeline.evaluate(), "surge_of_item") == []
    await clock.turn(utc("2024-02-29T18:30"))
    await timeline.post(dispensed("PCM", 1))  # 1 March: 35 on leap day are no surge yet
    assert lines_of(await timeline.evaluate(), "surge_of_item") == []
    await timeline.post(last)
    assert lines_of(await timeline.evaluate(), "surge_of_item") == ["district/ajmer PCM: opened"]
    assert '"day": "2024-02-29"' in (await timeline.alert("surge_of_item"))["evidence"]


@pytest.mark.parametrize("deadline", [date(2024, 2, 29), date(2023, 2, 28), date(2024, 12, 31)])
async def test_standing_is_overdue_after_indias_midnight(
    client: httpx.AsyncClient, timeline: Timeline, clock: Clock, deadline: date
) -> None:
    midnight = datetime(deadline.year, deadline.month, deadline.day, 18, 30, tzinfo=UTC)
    await clock.turn(midnight - timedelta(days=20))
    await timeline.register(facility(), directive(deadline.isoformat()))
    await clock.turn(midnight - SECOND)
    await timeline.post(dispensed("PCM", 1))
    await clock.turn(midnight)
    await timeline.post(dispensed("PCM", 1))
    told = []
    for known_at in (midnight - SECOND, midnight, midnight + timedelta(days=1)):
        answer = await client.get(
            "/v1/directives/D1/standing",
            params={"by": "facility", "known_at": known_at.isoformat()},
        )
        body = answer.json()
        [one] = body["facilities"]
        told.append((body["overdue"], body["day"], one["evidence"]["dispensed_on"]))
    days = [(deadline + timedelta(days=number)).isoformat() for number in range(3)]
    assert told == [
        (False, days[0], []),
        (True, days[1], days[:1]),
        (True, days[2], days[:2]),
    ]
