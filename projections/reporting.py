"""Whether a facility's figures can be trusted to be of today: the one place that says so."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, get_args

from stream.reference import Weekday

Reporting = Literal["live", "late", "silent", "closed", "not_started"]
Rule = Literal[
    "no_event_yet",
    "closed_weekday",
    "closure",
    "open_days_unheard",
    "median_delay",
    "device_gaps",
    "heard_in_time",
]

SILENT_OPEN_DAYS: Final = 2
LATE_AFTER: Final = timedelta(hours=6)
WINDOW: Final = timedelta(days=7)
"""Of which events delays and gaps count."""

SUNDAYS: Final = ("sunday",)
"""When a facility is closed whose record doesn't say."""
WEEKDAYS: Final[tuple[str, ...]] = get_args(Weekday)
"""In the order of `date.weekday`."""


class Closure(NamedTuple):
    first_day: date
    last_day: date


class Heard(NamedTuple):
    """What was heard of a facility. Days are those of its own time zone.

    Attributes:
        heard_on: the day of its newest recorded event; None if there is none.
        median_delay_seconds: from occurred to recorded, of the events recorded within `WINDOW`;
            None where there are none.
        open_gaps: where its devices left numbers out, before events that occurred within `WINDOW`.
        closed_weekdays: None where its record doesn't say.
        closures: those that hold for it.
    """

    today: date
    heard_on: date | None
    median_delay_seconds: float | None
    open_gaps: int
    closed_weekdays: Collection[str] | None
    closures: Sequence[Closure]


class Verdict(NamedTuple):
    """`rule` is what made it so."""

    reporting: Reporting
    rule: Rule
    closed_today: bool


def judge_reporting(heard: Heard) -> Verdict:
    """The first that holds of: not started, silent, closed, late, live.

    A Sunday doesn't hide who is silent since last week, nor does it make anybody so.
    """
    closed_by = _closed_by(heard, heard.today)
    if heard.heard_on is None:
        reporting: tuple[Reporting, Rule] = "not_started", "no_event_yet"
    elif _is_silent(heard, heard.heard_on):
        reporting = "silent", "open_days_unheard"
    elif closed_by is not None and heard.heard_on < heard.today:
        reporting = "closed", closed_by
    else:
        reporting = _judge_lateness(heard)
    return Verdict(*reporting, closed_today=closed_by is not None)


def _judge_lateness(heard: Heard) -> tuple[Reporting, Rule]:
    median = heard.median_delay_seconds
    if median is not None and median > LATE_AFTER.total_seconds():
        return "late", "median_delay"
    if heard.open_gaps:
        return "late", "device_gaps"
    return "live", "heard_in_time"


def _is_silent(heard: Heard, heard_on: date) -> bool:
    """Whether enough whole open days lie between the day that it was last heard of and today."""
    open_days = 0
    day = heard.today - timedelta(days=1)
    while day > heard_on and open_days < SILENT_OPEN_DAYS:
        open_days += _closed_by(heard, day) is None
        day -= timedelta(days=1)
    return open_days >= SILENT_OPEN_DAYS


def _closed_by(heard: Heard, day: date) -> Literal["closed_weekday", "closure"] | None:
    closed_weekdays = SUNDAYS if heard.closed_weekdays is None else heard.closed_weekdays
    if WEEKDAYS[day.weekday()] in closed_weekdays:
        return "closed_weekday"
    if any(closure.first_day <= day <= closure.last_day for closure in heard.closures):
        return "closure"
    return None
