"""`dawalog up`: the whole service on one machine, from an empty folder or where it left off."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from api.token_issuer import ensure_key_file
from infra.local.failure import CannotStart
from infra.local.installation import (
    Installation,
    open_installation,
    prepare_folder,
    token_key_file,
)
from infra.local.kafka import Kafka
from infra.local.keeper import Keeper
from infra.local.part import Part
from infra.local.ports import LOOPBACK, free_port
from infra.local.postgres import Postgres
from infra.local.probe import until_ok
from infra.local.process import started_at
from infra.local.running import Running, end_leftovers, only_one, write_processes
from infra.local.targets import write_targets
from projections.schema import OtherDefinition, prepare_schema
from projections.settings import ProjectorSettings
from stream.settings import KafkaSettings
from stream.topics import TOPICS, count_partitions, create_topics

logger = structlog.get_logger(__name__)

PARTITIONS = 8
READY_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`api_port`: 0 for a free one, None for the one it had. `folder` is absolute.

    `open_access`: no tokens are asked for.
    """

    folder: Path
    api_port: int | None = None
    workers: int = 1
    open_access: bool = False


@asynccontextmanager
async def running_up(wanted: Wanted) -> AsyncIterator[Installation]:
    """The service, ready for writes and reads; stopped in order when the block ends.

    Raises CannotStart with a sentence for the operator.
    """
    prepare_folder(wanted.folder)
    with only_one(wanted.folder):
        await asyncio.to_thread(end_leftovers, wanted.folder)
        installation = open_installation(wanted.folder, api_port=wanted.api_port)
        ensure_key_file(token_key_file(wanted.folder))
        parts = _Parts(wanted.folder)
        try:
            await _start(parts, installation, wanted)
            yield installation
        finally:
            await parts.stop()


class _Parts:
    """The keepers of all parts, and the list of their pids in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keepers: dict[str, Keeper] = {}
        self._list()

    def keep(self, part: Part, ready: Callable[[], Awaitable[None]]) -> Keeper:
        keeper = Keeper(part, ready=ready, changed=self._list)
        self._keepers[part.name] = keeper
        return keeper

    async def stop(self) -> None:
        """First what takes requests, then what works them off, then what they both need."""
        servers = {"kafka", "postgres"}
        roles = [name for name in self._keepers if name not in servers]
        for group in ({"api"}, set(roles) - {"api"}, servers):
            keepers = [keeper for name, keeper in self._keepers.items() if name in group]
            await asyncio.gather(*(keeper.stop() for keeper in keepers))

    def _list(self) -> None:
        living = [
            Running(
                name=keeper.part.name,
                pid=keeper.pid,
                started=started_at(keeper.pid) or "",
                address=keeper.part.address,
                is_ready=keeper.is_ready,
            )
            for keeper in self._keepers.values()
            if keeper.pid is not None
        ]
        try:
            write_processes(self.folder, living)
        except OSError as error:  # a full disk; the parts run on, only `ps` lags
            logger.warning("the list of processes could not be written", why=str(error))


async def _start(parts: _Parts, installation: Installation, wanted: Wanted) -> None:
    try:
        await _start_servers(parts, installation)
        await _start_roles(parts, installation, wanted)
    except OSError as error:
        raise CannotStart(f"the data folder {parts.folder} can't be used: {error}") from error
    except asyncpg.PostgresError as error:
        raise CannotStart(
            f"Postgres does not work in {parts.folder}: {error} (see {parts.folder}/logs)"
        ) from error


async def _start_servers(parts: _Parts, installation: Installation) -> None:
    """Both at once; then the topics and the schema that are missing."""
    folder = parts.folder
    kafka, postgres = installation.kafka(folder), installation.postgres(folder)

    async def start(server: Kafka | Postgres) -> None:
        keeper = parts.keep(await _to_its_end(server.prepare), server.wait_ready)
        await keeper.until_ready(seconds=READY_SECONDS)

    await _all(start(kafka), start(postgres))
    await _ensure_topics(kafka)
    connection = await asyncpg.connect(postgres.database_url)
    try:
        await prepare_schema(connection, cluster_id=installation.cluster_id)
    except OtherDefinition as reason:
        await _rebuild(kafka, postgres, reason)
    finally:
        await connection.close()


async def _rebuild(kafka: Kafka, postgres: Postgres, reason: OtherDefinition) -> None:
    """After an upgrade workers refuse the old model, and a rebuild needs the servers running."""
    from projections.rebuild import rebuild  # with all of the projector, which `up` has no use for

    logger.warning("the read model is made anew first, which can take long", why=reason.detail)
    settings = ProjectorSettings(database_url=postgres.database_url)
    rebuilt = await rebuild(settings, _kafka_settings(kafka), grace_seconds=0)
    logger.info("the new read model is live", model=rebuilt.model, records=rebuilt.records)


async def _ensure_topics(kafka: Kafka) -> None:
    """Create the topics, but only once: where they were and are gone, facts are gone with them."""
    settings = _kafka_settings(kafka)
    created = kafka.folder / "topics-created"
    if created.exists():
        missing = set(TOPICS) - set(await count_partitions(settings))
        if missing:
            raise CannotStart(
                f"the Kafka folder {kafka.folder} has lost {', '.join(sorted(missing))}: "
                "it holds the facts, so restore it from a backup"
            )
        return
    # One broker without replicas: only a flush makes an acknowledgement durable.
    await create_topics(
        settings,
        partitions=PARTITIONS,
        replication_factor=1,
        min_insync_replicas=1,
        flush_each=True,
    )
    created.touch()


def _kafka_settings(kafka: Kafka) -> KafkaSettings:
    return KafkaSettings(
        kafka_bootstrap_servers=kafka.bootstrap_servers, kafka_security_protocol="PLAINTEXT"
    )


async def _start_roles(parts: _Parts, installation: Installation, wanted: Wanted) -> None:
    environment = installation.environment(parts.folder)

    async def start(name: str, role: str, port: int, extra: Mapping[str, str]) -> None:
        part = Part(
            name=name,
            # -P: a file in the current folder must not pass for a module of ours.
            command=(sys.executable, "-P", "-m", "infra.cli", role),
            environment={**environment, **extra},
            log=parts.folder / "logs" / f"{name}.log",
            address=f"http://{LOOPBACK}:{port}",
        )
        keeper = parts.keep(part, partial(until_ok, f"{part.address}/readyz"))
        await keeper.until_ready(seconds=READY_SECONDS)

    # said in any case: the environment's own setting is not for this service
    access = {"DAWALOG_OPEN_ACCESS": str(wanted.open_access).lower()}
    starts = [start("api", "api", installation.ports.api, access)]
    ports = {"api": installation.ports.api}
    for number in range(1, wanted.workers + 1):
        name = f"worker-{number}"
        port = ports[name] = free_port(frozenset(ports.values()))
        own = {
            "DAWALOG_WORKER_INSTANCE_ID": name,
            "DAWALOG_WORKER_METRICS_HOST": LOOPBACK,
            "DAWALOG_WORKER_METRICS_PORT": str(port),
        }
        starts.append(start(name, "worker", port, own))
    write_targets(parts.folder, {name: f"{LOOPBACK}:{port}" for name, port in ports.items()})
    await _all(*starts)


async def _all(*starts: Coroutine[Any, Any, None]) -> None:
    """Run them together; the first failure cancels the rest and is raised itself."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for start in starts:
                tasks.create_task(start)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _to_its_end(work: Callable[[], Part]) -> Part:
    """Run blocking work in a thread. A thread can't be cancelled, so a cancellation waits for it:
    the folder isn't let go of while something still writes there.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
