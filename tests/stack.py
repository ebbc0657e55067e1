"""A real Kafka and a real Postgres for tests: started once a session, emptied by `reset`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from infra.local.postgres import DATABASE
from infra.local.throwaway import Servers, running_servers
from projections.schema import prepare_schema
from stream.topics import create_topics

PARTITIONS = 8
TEMPLATE = "dawalog_template"


@dataclass(frozen=True)
class Stack(Servers):
    """`kafka_pid` and `postgres_pid` are for tests that stop or freeze a server."""

    async def reset(self) -> None:
        """Empty topics, and a database as after the migrations with an empty live model 1.

        Ends sessions that a test left open in the database.
        """
        await asyncio.gather(self.reset_database(), self.reset_topics())

    async def reset_database(self) -> None:
        """The database as after the migrations."""
        async with self._administration() as connection:
            if not await connection.fetchval(
                "SELECT true FROM pg_database WHERE datname = $1", TEMPLATE
            ):
                await self._create_template(connection)
            await _recreate_database(connection, TEMPLATE)

    async def empty_database(self) -> None:
        """The database as before `dawalog init`."""
        async with self._administration() as connection:
            await _recreate_database(connection, "template1")

    async def reset_topics(self) -> None:
        """Three empty topics."""
        await self.delete_topics()
        await create_topics(
            self.kafka_settings,
            partitions=PARTITIONS,
            replication_factor=1,
            min_insync_replicas=1,
            flush_each=False,
        )

    async def _create_template(self, connection: asyncpg.Connection) -> None:
        building = f"{TEMPLATE}_building"
        await connection.execute(f"DROP DATABASE IF EXISTS {building} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {building}")
        inside = await asyncpg.connect(self._url_of(building))
        try:
            await prepare_schema(inside, cluster_id=self.cluster_id)
        finally:
            await inside.close()
        await connection.execute(f"ALTER DATABASE {building} RENAME TO {TEMPLATE}")

    @contextlib.asynccontextmanager
    async def _administration(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self._url_of("postgres"))
        try:
            yield connection
        finally:
            await connection.close()

    def _url_of(self, database: str) -> str:
        return self.database_url.rpartition("/")[0] + f"/{database}"


async def _recreate_database(connection: asyncpg.Connection, template: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template}")


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start both servers at the same time; end them when the block ends."""
    with running_servers(folder, durable=False) as servers:
        yield Stack(**vars(servers))
