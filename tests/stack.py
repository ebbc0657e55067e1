"""A real Kafka and a real Postgres for tests: started once a session, emptied by `reset`."""

import asyncio
import contextlib
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from infra.local.cluster_id import new_cluster_id
from infra.local.kafka import Kafka
from infra.local.part import Part
from infra.local.ports import free_port
from infra.local.postgres import DATABASE, Postgres
from projections.schema import prepare_schema
from stream.settings import KafkaSettings
from stream.topics import TOPICS, create_topics

PARTITIONS = 8
TEMPLATE = "dawalog_template"


@dataclass(frozen=True)
class Stack:
    """`kafka_pid` and `postgres_pid` are for tests that stop or freeze a server."""

    bootstrap_servers: str
    cluster_id: str
    database_url: str
    kafka_pid: int
    postgres_pid: int

    @property
    def kafka_settings(self) -> KafkaSettings:
        return KafkaSettings(kafka_bootstrap_servers=self.bootstrap_servers)

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a worker or an API of this stack."""
        return {
            "DAWALOG_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "DAWALOG_DATABASE_URL": self.database_url,
        }

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

    async def delete_topics(self) -> None:
        names = set(TOPICS)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            existing = names & set(await admin.list_topics())
            if existing:
                await admin.delete_topics(list(existing))
            while names & set(await admin.list_topics()):
                await asyncio.sleep(0.01)
        finally:
            await admin.close()

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
    kafka = Kafka(
        folder=folder / "kafka",
        port=free_port(),
        controller_port=free_port(),
        cluster_id=new_cluster_id(),
        log=folder / "kafka.log",
    )
    postgres = Postgres(
        folder=folder / "postgres",
        port=free_port(),
        password=secrets.token_urlsafe(16),
        log=folder / "postgres.log",
        durable=False,
    )
    with contextlib.ExitStack() as ended:
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(lambda server: server.prepare(), (kafka, postgres)))
        kafka_process, postgres_process = (ended.enter_context(_running(part)) for part in parts)
        asyncio.run(_wait_ready(kafka, postgres))
        yield Stack(
            bootstrap_servers=kafka.bootstrap_servers,
            cluster_id=kafka.cluster_id,
            database_url=postgres.database_url,
            kafka_pid=kafka_process.pid,
            postgres_pid=postgres_process.pid,
        )


@contextlib.contextmanager
def _running(part: Part) -> Iterator[subprocess.Popen[bytes]]:
    with part.log.open("ab") as log:
        process = subprocess.Popen(part.command, stdout=log, **part.process_options())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)  # a test may have frozen it
        process.send_signal(signal.SIGKILL if part.name == "kafka" else part.stop_signal)
        process.wait(30)


async def _wait_ready(kafka: Kafka, postgres: Postgres) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(kafka.wait_ready(), postgres.wait_ready())
