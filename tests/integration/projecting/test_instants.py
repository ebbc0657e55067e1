"""Instants are written as asyncpg's own codec does it, and read again."""

from datetime import UTC, datetime, timedelta, timezone

import asyncpg

from projections.instants import remember_instants
from tests.log_reading import Database
from tests.stack import Stack

INSTANTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


async def test_instants_are_those_of_asyncpg(running: Stack, database: Database) -> None:
    connection = await asyncpg.connect(running.database_url)
    await remember_instants(connection)
    try:
        for _ in range(2):  # anew, and remembered
            written = await connection.fetchval("SELECT $1::timestamptz[]::text[]", INSTANTS)
            assert written == await database.fetchval("SELECT $1::timestamptz[]::text[]", INSTANTS)
        asked = "SELECT unnest($1::text[])::timestamptz AS at UNION ALL SELECT NULL"
        read = [row["at"] for row in await connection.fetch(asked, written)]
        assert read == [*INSTANTS, None]
        assert [at and at.tzinfo for at in read] == [UTC] * len(INSTANTS) + [None]
    finally:
        await connection.close()
