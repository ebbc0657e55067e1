"""Servers of a bench's own: durable as in service, emptied between measurements."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.local.installation import open_installation, prepare_folder
from infra.local.part import Part
from infra.local.postgres import DATABASE
from infra.local.running import end_leftovers, only_one
from infra.local.throwaway import Servers, running_both, running_servers
from projections.schema import model_schema, prepare_schema
from stream.errors import Unavailable
from stream.topics import create_topics

PARTITIONS: Final = 8
SCHEMA: Final = model_schema(1)


@dataclass(frozen=True)
class BenchStack:
    """`folder` is thrown away with all that is in it, unless it was asked to be kept."""

    folder: Path
    servers: Servers

    @property
    def environment(self) -> dict[str, str]:
        return self.servers.environment | {"DAWALOG_KEY_FILE": str(self.folder / "keys.json")}

    async def empty_topics(self) -> None:
        """As `dawalog up` makes them: one broker, so each append is flushed."""
        await self.servers.delete_topics()
        await create_topics(
            self.servers.kafka_settings,
            partitions=PARTITIONS,
            replication_factor=1,
            min_insync_replicas=1,
            flush_each=True,
        )

    async def empty_database(self) -> None:
        """An empty read model, with the last one's pages written out and out of the way."""
        url = self.servers.database_url
        administration = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
        await administration.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await administration.execute(f"CREATE DATABASE {DATABASE}")
        await administration.close()
        connection = await asyncpg.connect(url)
        await prepare_schema(connection, cluster_id=self.servers.cluster_id)
        await connection.execute("CHECKPOINT")
        await connection.close()

    async def connect(self, **settings: str) -> "asyncpg.Connection[Any]":
        """A connection to the read model."""
        return await asyncpg.connect(
            self.servers.database_url, server_settings={"search_path": SCHEMA, **settings}
        )

    def part(self, name: str, module: str, *words: str, **environment: str) -> Part:
        """One of our processes on these servers."""
        return Part(
            name=name,
            # -P: a file in the current folder must not pass for a module of ours.
            command=(sys.executable, "-P", "-m", module, *words),
            environment=self.environment | environment,
            log=self.folder / f"{name}.log",
        )


@contextmanager
def bench_stack() -> Iterator[BenchStack]:
    """Both servers, without topics and read model. Starts its own event loop: not inside one."""
    with (
        tempfile.TemporaryDirectory(prefix="dawalog-bench-", ignore_cleanup_errors=True) as folder,
        running_servers(Path(folder), durable=True) as servers,
    ):
        yield BenchStack(Path(folder), servers)


@contextmanager
def kept_stack(folder: Path) -> Iterator[BenchStack]:
    """The servers of the installation in a folder, as `dawalog up` would run them there, and what
    they hold from before.
    """
    prepare_folder(folder)
    with only_one(folder):
        end_leftovers(folder)
        installation = open_installation(folder, api_port=0)
        kafka, postgres = installation.kafka(folder), installation.postgres(folder)
        with running_both(kafka, postgres, kept=True) as servers:
            yield BenchStack(folder, servers)


def require_running(process: Any, part: Part) -> None:
    """Raises Unavailable with the last words of a part that ended."""
    if process.poll() is not None:
        raise Unavailable(f"{part.name} ended: {part.last_words()}")
