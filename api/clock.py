"""Events dated where no clock that is right could have dated them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from stream.errors import Fault, Rejected

MAX_AHEAD: Final = timedelta(minutes=10)


def check_clock(occurred_at: datetime, *, earliest: datetime) -> None:
    """Raises Rejected (clock-ahead, clock-behind), with `server_time` for the sender to compare."""
    now = datetime.now(UTC)
    if occurred_at > now + MAX_AHEAD:
        raise _rejected("clock-ahead", "is more than 10 minutes ahead of Dawalog's clock", now)
    if occurred_at < earliest:
        raise _rejected("clock-behind", f"is before {earliest:%Y-%m-%d}", now)


def _rejected(problem_type: str, what: str, now: datetime) -> Rejected:
    server_time = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Rejected(
        problem_type,
        f"The time of this event {what}. Please check the date and time of the device.",
        [Fault("/occurred_at", f"occurred_at {what}")],
        members={"server_time": server_time},
    )
