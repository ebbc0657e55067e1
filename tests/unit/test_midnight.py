"""Which tests wait for the next day."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.midnight import time_to_wait


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("18:29:39.999999", 0),
        ("18:29:50", 10),  # India's
        ("18:29:59.750000", 0.25),
        ("18:30:00", 0),
        ("23:59:59", 1),  # UTC's
        ("09:59:58", 2),  # where a day begins first
        ("11:59:57", 3),  # and last
        ("06:59:59", 0),
    ],
)
def test_only_on_the_last_seconds_of_a_day(clock: str, seconds: float) -> None:
    now = datetime.fromisoformat(f"2026-02-28T{clock}").replace(tzinfo=UTC)
    assert time_to_wait(now) == timedelta(seconds=seconds)
