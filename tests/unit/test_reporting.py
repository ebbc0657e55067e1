"""Who reports: each rule at its edge, and the first that holds."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.reporting import (
    LATE_AFTER,
    WEEKDAYS,
    Closure,
    Heard,
    Verdict,
    judge_reporting,
)

TUESDAY = date(2026, 11, 24)
SUNDAY = date(2026, 11, 22)
DAY = timedelta(days=1)
SIX_HOURS = LATE_AFTER.total_seconds()


def judge(**heard: Any) -> Verdict:
    """Of a facility that is open every day but Sundays, and of which nothing is wrong."""
    today = heard.pop("today", TUESDAY)
    usual: dict[str, Any] = {
        "today": today,
        "heard_on": today - heard.pop("days_ago", 0) * DAY,
        "median_delay_seconds": 60.0,
        "open_gaps": 0,
        "closed_weekdays": None,
        "closures": (),
    }
    return judge_reporting(Heard(**(usual | heard)))


def test_live() -> None:
    assert judge() == ("live", "heard_in_time", False)
    assert judge(median_delay_seconds=None) == ("live", "heard_in_time", False)


def test_not_started() -> None:
    assert judge(heard_on=None) == ("not_started", "no_event_yet", False)
    assert judge(heard_on=None, today=SUNDAY) == ("not_started", "no_event_yet", True)


def test_closed_unless_heard_of_today() -> None:
    assert judge(today=SUNDAY, days_ago=1) == ("closed", "closed_weekday", True)
    assert judge(today=SUNDAY) == ("live", "heard_in_time", True)
    repair = (Closure(TUESDAY, TUESDAY),)
    assert judge(days_ago=1, closures=repair) == ("closed", "closure", True)
    assert judge(closures=repair) == ("live", "heard_in_time", True)
    both = judge(today=SUNDAY, days_ago=1, closures=(Closure(SUNDAY, SUNDAY),))
    assert both == ("closed", "closed_weekday", True)


def test_a_closed_day_hides_no_silence() -> None:
    assert judge(today=SUNDAY, days_ago=50) == ("silent", "open_days_unheard", True)
    assert judge(today=SUNDAY, days_ago=2).reporting == "closed"  # Saturday alone lies between
    assert judge(today=SUNDAY, days_ago=3).reporting == "silent"
    repair = (Closure(TUESDAY - 300 * DAY, TUESDAY),)
    assert judge(days_ago=290, closures=repair).reporting == "closed"


def test_closed_weekdays_of_its_own() -> None:
    assert judge(today=SUNDAY, days_ago=1, closed_weekdays=[]).reporting == "live"
    assert judge(days_ago=1, closed_weekdays=["tuesday"]).rule == "closed_weekday"
    assert judge(today=SUNDAY, days_ago=1, closed_weekdays=["tuesday"]).reporting == "live"


@pytest.mark.parametrize(
    ("days_ago", "weekdays", "closures", "reporting"),
    [
        (2, [], (), "live"),  # Monday alone lies between
        (3, [], (), "silent"),
        (3, None, (), "live"),  # Monday, as Sunday doesn't count
        (4, None, (), "silent"),  # Monday and Saturday
        (4, None, (Closure(TUESDAY - DAY, TUESDAY - DAY),), "live"),
        (5, None, (Closure(TUESDAY - DAY, TUESDAY - DAY),), "silent"),
        (300, None, (Closure(TUESDAY - 299 * DAY, TUESDAY - DAY),), "live"),
        (301, None, (Closure(TUESDAY - 299 * DAY, TUESDAY - DAY),), "live"),
        (303, None, (Closure(TUESDAY - 299 * DAY, TUESDAY - DAY),), "silent"),
    ],
)
def test_silent_after_two_whole_open_days(
    days_ago: int, weekdays: list[str] | None, closures: tuple[Closure, ...], reporting: str
) -> None:
    verdict = judge(days_ago=days_ago, closed_weekdays=weekdays, closures=closures)
    assert verdict.reporting == reporting


def test_late() -> None:
    assert judge(median_delay_seconds=SIX_HOURS).reporting == "live"
    assert judge(median_delay_seconds=SIX_HOURS + 1)[:2] == ("late", "median_delay")
    assert judge(open_gaps=1)[:2] == ("late", "device_gaps")
    assert judge(open_gaps=1, median_delay_seconds=SIX_HOURS + 1).rule == "median_delay"
    assert judge(open_gaps=1, days_ago=9).reporting == "silent"


def test_who_is_closed_every_day_is_never_silent() -> None:
    assert judge(days_ago=4000, closed_weekdays=WEEKDAYS).reporting == "closed"


days = st.integers(-12, 3).map(lambda number: TUESDAY + number * DAY)
closures = st.builds(lambda one, two: Closure(min(one, two), max(one, two)), days, days)
heards = st.builds(
    Heard,
    today=st.just(TUESDAY),
    heard_on=st.none() | st.integers(-12, 0).map(lambda number: TUESDAY + number * DAY),
    median_delay_seconds=st.none() | st.floats(0, 3 * SIX_HOURS),
    open_gaps=st.integers(0, 1),
    closed_weekdays=st.none() | st.lists(st.sampled_from(WEEKDAYS), unique=True),
    closures=st.lists(closures, max_size=2),
)


def in_words(heard: Heard) -> str:
    """The definition once more, as it is written down."""
    closed_weekdays = ["sunday"] if heard.closed_weekdays is None else heard.closed_weekdays

    def is_open(day: date) -> bool:
        closed = any(first <= day <= last for first, last in heard.closures)
        return day.strftime("%A").lower() not in closed_weekdays and not closed

    if heard.heard_on is None:
        return "not_started"
    between = (heard.today - heard.heard_on).days - 1
    unheard = [heard.heard_on + (number + 1) * DAY for number in range(between)]
    rules: list[tuple[str, Callable[[], bool]]] = [
        ("silent", lambda: sum(map(is_open, unheard)) >= 2),
        ("closed", lambda: not is_open(heard.today) and heard.heard_on != heard.today),
        ("late", lambda: (heard.median_delay_seconds or 0) > 6 * 3600 or heard.open_gaps > 0),
        ("live", lambda: True),
    ]
    return next(reporting for reporting, holds in rules if holds())


@given(heards)
def test_as_the_definition_says(heard: Heard) -> None:
    assert judge_reporting(heard).reporting == in_words(heard)
