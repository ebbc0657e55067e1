"""Instants on their way to Postgres, each worked out once.

asyncpg's own encoder takes half a microsecond an instant. The few of an event are written some ten
times for each of its lines, by columns and by rows, and that was a tenth of the worker's time.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import asyncpg

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""From which Postgres counts microseconds."""

REMEMBERED: Final = 20_000
"""More than the instants of a transaction."""

MICROSECOND: Final = timedelta(microseconds=1)

INFINITE: Final = {
    datetime.min.replace(tzinfo=UTC): -(2**63),
    datetime.max.replace(tzinfo=UTC): 2**63 - 1,
}
"""What asyncpg takes for Postgres's infinities."""

ENDS: Final = {microseconds: instant for instant, microseconds in INFINITE.items()}


async def remember_instants(connection: "asyncpg.Connection[Any]") -> None:
    """Have this connection write instants so. It reads them in UTC, the ends of time, too."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode, decoder=_decode, format="tuple"
    )


@lru_cache(REMEMBERED)
def _encode(instant: datetime) -> tuple[int]:
    return (INFINITE.get(instant) or (instant - EPOCH) // MICROSECOND,)


def _decode(microseconds: tuple[int]) -> datetime:
    return ENDS.get(microseconds[0]) or EPOCH + timedelta(microseconds=microseconds[0])
