"""What a test is told of a day stays true: no test begins on the last seconds of one."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LEAST: Final = timedelta(seconds=20)
"""What a day must have left for a test that asks for the day, and asks servers about it."""

# India's, UTC's, and the first and the last to begin.
ZONES: Final = ("Asia/Kolkata", "UTC", "Pacific/Kiritimati", "Etc/GMT+12")


def wait_over_midnight() -> None:
    """Servers have a clock of their own, so that ours can't just be held."""
    while wait := time_to_wait(datetime.now(UTC)):
        time.sleep(wait.total_seconds())


def time_to_wait(now: datetime) -> timedelta:
    """Until the next day has begun where one has less than LEAST left; else nothing."""
    return max(_left_of_a_last_moment(now.astimezone(ZoneInfo(zone))) for zone in ZONES)


def _left_of_a_last_moment(local: datetime) -> timedelta:
    soon = local + LEAST
    if soon.date() == local.date():
        return timedelta()
    return datetime.combine(soon.date(), datetime.min.time(), local.tzinfo) - local
