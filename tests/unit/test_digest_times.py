"""When the day's digests are told: at 8 in India, once or twice, never too late to be read."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.alertmanager import Digests
from projections.figures.days import INDIA

LEAP_DAY = datetime(2028, 2, 29, tzinfo=INDIA)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)


def times_told(began: datetime, hours: int, *, away: timedelta = timedelta()) -> list[str]:
    """Looking each minute from `began` on; Alertmanager is away until `away` after it."""
    clock = Clock(began)
    digests = Digests()
    told = []
    for minute in range(hours * 60):
        clock.now = began + timedelta(minutes=minute)
        if digests.are_due(clock()) and clock.now - began >= away:
            digests.were_told(clock())
            told.append(f"{clock.now:%d %H:%M}")
    return told


def test_at_eight_and_again_within_the_hour() -> None:
    told = times_told(LEAP_DAY.replace(hour=6), 24)
    assert told == [f"29 08:{minute}0" for minute in range(6)]


def test_on_each_day_over_the_months_end() -> None:
    told = times_told(LEAP_DAY - timedelta(days=1), 72)
    assert [time for time in told if time.endswith("08:00")] == ["28 08:00", "29 08:00", "01 08:00"]


def test_later_where_alertmanager_was_away() -> None:
    assert times_told(LEAP_DAY.replace(hour=7), 20, away=timedelta(hours=4)) == ["29 11:00"]


def test_not_in_the_evening_where_it_was_away_all_day() -> None:
    assert times_told(LEAP_DAY.replace(hour=7), 30, away=timedelta(hours=11)) == [
        f"01 08:{minute}0" for minute in range(6)
    ]


@pytest.mark.parametrize(("hour", "times"), [(7, 0), (8, 3), (9, 1), (17, 1), (18, 0), (23, 0)])
def test_a_worker_that_starts_during_the_day_tells_them(hour: int, times: int) -> None:
    """For half an hour from half past on."""
    began = LEAP_DAY.replace(hour=hour, minute=30)
    told = times_told(began, 1)
    assert len([time for time in told if time.startswith(f"29 {hour:02}")]) == times


def test_the_day_is_indias() -> None:
    """8 in India is 2:30 in UTC."""
    began_at = Digests.began_at(datetime(2028, 2, 28, 20, 0, tzinfo=UTC))
    assert began_at == datetime(2028, 2, 29, 2, 30, tzinfo=UTC)
