"""The read models beside the live one: begun by a rebuild, dropped when nobody needs them."""

import hashlib
from typing import Any, Final

import asyncpg
import stamina

from projections.schema import DEFINITION, HERE, create_model, model_schema

LOCK_TIMEOUT: Final = "1s"
"""Dropping waits for reads that still run; new ones must not wait long behind it."""

DROP_PATIENCE_SECONDS: Final = 60.0

NUMBERS: Final = """
SELECT substr(nspname, length('model_') + 1)::integer AS number
FROM pg_namespace WHERE nspname ~ '^model_[0-9]{1,9}$'
"""

REMEMBER: Final = """
INSERT INTO dawalog.rebuild (number, definition, tables_sha256) VALUES ($1, $2, $3)
ON CONFLICT (only_row) DO UPDATE
SET number = excluded.number, definition = excluded.definition,
    tables_sha256 = excluded.tables_sha256, begun_at = now()
"""


async def find_unfinished(connection: "asyncpg.Connection[Any]") -> int | None:
    """The model that a stopped rebuild left, if this program would go on with it."""
    row = await connection.fetchrow("SELECT number, definition, tables_sha256 FROM dawalog.rebuild")
    if row is None or (row["definition"], row["tables_sha256"]) != (DEFINITION, _hash_tables()):
        return None
    number: int = row["number"]
    return number if number in await _list_numbers(connection) else None


async def begin_model(connection: "asyncpg.Connection[Any]") -> int:
    """Create an empty model under the next number, and forget the one that was begun before."""
    async with connection.transaction():
        live = await connection.fetchval("SELECT number FROM dawalog.live_model")
        number = 1 + max([*await _list_numbers(connection), live or 0])
        await create_model(connection, number)
        await connection.execute(REMEMBER, number, DEFINITION, _hash_tables())
    return number


async def drop_unused_models(connection: "asyncpg.Connection[Any]") -> None:
    """Drop all models but the live one and the one being filled.

    Raises LockNotAvailableError if reads keep one in use for long; nothing is lost by that.
    """
    used = await connection.fetch(
        "SELECT number FROM dawalog.live_model UNION SELECT number FROM dawalog.rebuild"
    )
    for number in set(await _list_numbers(connection)) - {row["number"] for row in used}:
        await _drop_model(connection, number)


@stamina.retry(
    on=(asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError),
    attempts=None,
    timeout=DROP_PATIENCE_SECONDS,
    wait_initial=0.2,
    wait_max=2,
)
async def _drop_model(connection: "asyncpg.Connection[Any]", number: int) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute("SET LOCAL client_min_messages = warning")  # a line per table
        await connection.execute(f"DROP SCHEMA IF EXISTS {model_schema(number)} CASCADE")


async def _list_numbers(connection: "asyncpg.Connection[Any]") -> list[int]:
    return [row["number"] for row in await connection.fetch(NUMBERS)]


def _hash_tables() -> bytes:
    return hashlib.sha256((HERE / "model.sql").read_bytes()).digest()
