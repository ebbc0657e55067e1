"""India's days: those of consumption, of windows and of roll-ups, whatever a facility's zone."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

INDIA: Final = timezone(timedelta(hours=5, minutes=30))


def india_day(instant: datetime) -> date:
    """As `india_day` in the model; the calendar's last day has no later one."""
    try:
        return instant.astimezone(INDIA).date()
    except OverflowError:
        return instant.date()


def india_midnight(day: date) -> datetime:
    """The instant at which a day begins, in UTC. As `india_midnight` in the model."""
    return datetime.combine(day, time(), INDIA).astimezone(UTC)


def india_today() -> date:
    return datetime.now(INDIA).date()
