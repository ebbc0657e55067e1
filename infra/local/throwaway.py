"""A real Kafka and a real Postgres in a folder that is thrown away: for tests and benches."""

import asyncio
import secrets
import signal
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from infra.local.cluster_id import new_cluster_id
from infra.local.kafka import Kafka
from infra.local.part import Part
from infra.local.ports import free_port
from infra.local.postgres import Postgres
from stream.settings import KafkaSettings
from stream.topics import TOPICS

READY_SECONDS = 60.0
ENDING_SECONDS = 30.0


@dataclass(frozen=True)
class Servers:
    """Two running servers, without topics and schema of ours."""

    bootstrap_servers: str
    cluster_id: str
    database_url: str
    kafka_pid: int
    postgres_pid: int

    @property
    def kafka_settings(self) -> KafkaSettings:
        return KafkaSettings(
            kafka_bootstrap_servers=self.bootstrap_servers, kafka_security_protocol="PLAINTEXT"
        )

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a worker or an API on these servers."""
        return {
            "DAWALOG_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "DAWALOG_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "DAWALOG_DATABASE_URL": self.database_url,
        }

    async def delete_topics(self, topics: Iterable[str] = TOPICS) -> None:
        """Topics and all that is in them, if they are there."""
        names = set(topics)
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


@contextmanager
def running_servers(folder: Path, *, durable: bool) -> Iterator[Servers]:
    """Start both servers at the same time; end them when the block ends.

    Args:
        durable: whether Postgres flushes its commits. Kafka's flushing is a topic's setting.
    """
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
        durable=durable,
    )
    with running_both(kafka, postgres) as servers:
        yield servers


@contextmanager
def running_both(kafka: Kafka, postgres: Postgres, *, kept: bool = False) -> Iterator[Servers]:
    """`kept`: what they hold is needed again, so Kafka is given the time to end in order."""
    with ExitStack() as ended:
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(lambda server: server.prepare(), (kafka, postgres)))
        kafka_process, postgres_process = (
            ended.enter_context(running(part, kept=kept)) for part in parts
        )
        asyncio.run(_wait_ready(kafka, postgres))
        yield Servers(
            bootstrap_servers=kafka.bootstrap_servers,
            cluster_id=kafka.cluster_id,
            database_url=postgres.database_url,
            kafka_pid=kafka_process.pid,
            postgres_pid=postgres_process.pid,
        )


@contextmanager
def running(part: Part, *, kept: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """The part's process; stopped when the block ends, however the block left it."""
    with part.log.open("ab") as log:
        process = subprocess.Popen(part.command, stdout=log, **part.process_options())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)  # a test may have frozen it
        in_order = kept or part.name != "kafka"
        process.send_signal(part.stop_signal if in_order else signal.SIGKILL)
        process.wait(ENDING_SECONDS)


async def _wait_ready(kafka: Kafka, postgres: Postgres) -> None:
    async with asyncio.timeout(READY_SECONDS):
        await asyncio.gather(kafka.wait_ready(), postgres.wait_ready())
