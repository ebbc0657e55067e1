"""Creating the database's schema: migrations of what is kept, and numbered read models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
from pogo_core.util import migrate

from projections.reader import ensure_reader, let_read
from stream.errors import Corrupt

HERE: Final = Path(__file__).parent

DEFINITION: Final = 16
"""Version of the read model. Raised when a rebuild would give other rows, tables or indexes."""

SCHEMA_LOCK: Final = 0x6461_7761
"""Advisory lock, so that two processes don't create the schema at once."""

NO_SCHEMA: Final = "this database has no Dawalog schema yet: run `dawalog init`"
NO_MODEL: Final = "this database has no read model yet: run `dawalog init`"


async def prepare_schema(connection: "asyncpg.Connection[Any]", *, cluster_id: str) -> int:
    """Migrate, bind the database to the log's cluster, and create model 1. Safe to repeat.

    Returns the number of the live model. Raises `Corrupt` for another cluster's database, and
    `OtherDefinition`, migrated but for the model.
    """
    async with _schema_lock(connection):
        await _migrate(connection, cluster_id)
        await ensure_reader(connection)
        number = await _ensure_live_model(connection)
        await let_read(connection, model_schema(number))
        return number


async def migrate_database(connection: "asyncpg.Connection[Any]", *, cluster_id: str) -> None:
    """Migrate alone, for a rebuild: the live model may be of another definition, or gone.

    Raises `Corrupt` for another cluster's database, and for one that `dawalog init` hasn't seen.
    """
    if not await connection.fetchval("SELECT to_regclass('dawalog.live_model')"):
        raise Corrupt(NO_SCHEMA)
    async with _schema_lock(connection):
        await _migrate(connection, cluster_id)
    if not await connection.fetchval("SELECT number FROM dawalog.live_model"):
        raise Corrupt(NO_MODEL)


class OtherDefinition(Corrupt):
    """The live model follows another definition than this program's: it must be made anew."""


@asynccontextmanager
async def _schema_lock(connection: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    await connection.execute("SELECT pg_advisory_lock($1)", SCHEMA_LOCK)
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", SCHEMA_LOCK)


async def _migrate(connection: "asyncpg.Connection[Any]", cluster_id: str) -> None:
    await migrate.apply(connection, HERE / "migrations", schema_name="dawalog")
    await _bind_cluster(connection, cluster_id)


async def _bind_cluster(connection: "asyncpg.Connection[Any]", cluster_id: str) -> None:
    await connection.execute(
        "INSERT INTO dawalog.installation (cluster_id) VALUES ($1) ON CONFLICT DO NOTHING",
        cluster_id,
    )
    _check_cluster(
        await connection.fetchval("SELECT cluster_id FROM dawalog.installation"), cluster_id
    )


def _check_cluster(bound: str | None, cluster_id: str) -> None:
    if bound != cluster_id:
        raise Corrupt(
            f"this database projects the log of Kafka cluster {bound}, not of {cluster_id}: "
            "the log was replaced, or the settings name another installation's database"
        )


async def _ensure_live_model(connection: "asyncpg.Connection[Any]") -> int:
    async with connection.transaction():
        live = await connection.fetchrow("SELECT number, definition FROM dawalog.live_model")
        if live is None:
            await create_model(connection, 1)
            await connection.execute(
                "INSERT INTO dawalog.live_model (number, definition) VALUES (1, $1)", DEFINITION
            )
            return 1
    return _check_definition(live)


def _check_definition(live: asyncpg.Record) -> int:
    if live["definition"] != DEFINITION:
        raise OtherDefinition(
            f"the read model follows definition {live['definition']}, this program follows "
            f"{DEFINITION}: run `dawalog rebuild` with this program"
        )
    number: int = live["number"]
    return number


async def create_model(connection: "asyncpg.Connection[Any]", number: int) -> None:
    """Create an empty read model `model_<number>` within the caller's transaction."""
    await connection.execute(f"CREATE SCHEMA {model_schema(number)}")
    await connection.execute(f"SET LOCAL search_path = {model_schema(number)}")
    await connection.execute((HERE / "model.sql").read_text())
    await connection.execute("SET LOCAL search_path TO DEFAULT")
    await let_read(connection, model_schema(number))


def model_schema(number: int) -> str:
    """The schema's name of a read model."""
    return f"model_{number:d}"


async def find_live_model(connection: "asyncpg.Connection[Any]", *, cluster_id: str) -> int:
    """The live model's number, for a worker. Raises `Corrupt` as `prepare_schema`."""
    try:
        bound = await connection.fetchval("SELECT cluster_id FROM dawalog.installation")
    except asyncpg.UndefinedTableError as error:
        raise Corrupt(NO_SCHEMA) from error
    _check_cluster(bound, cluster_id)
    live = await connection.fetchrow("SELECT number, definition FROM dawalog.live_model")
    if live is None:
        raise Corrupt(NO_MODEL)
    return _check_definition(live)
