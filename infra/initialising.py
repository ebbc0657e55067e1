"""Creating topics and schema in outside systems, with as many copies as facts deserve."""

from dataclasses import dataclass

import asyncpg

from projections.schema import prepare_schema
from projections.settings import DatabaseSettings
from stream.errors import Conflict, Unavailable
from stream.settings import KafkaSettings
from stream.topics import cluster_id, create_topics

LEAST_REPLICAS = 3
LEAST_IN_SYNC = 2


@dataclass(frozen=True, kw_only=True)
class Topics:
    partitions: int
    replicas: int
    min_insync_replicas: int


async def initialise(topics: Topics, *, one_copy: bool) -> None:
    """Raises Conflict for too few copies, Unavailable where a system doesn't answer."""
    _check_copies(topics, one_copy=one_copy)
    kafka = KafkaSettings()
    await create_topics(
        kafka,
        partitions=topics.partitions,
        replication_factor=topics.replicas,
        min_insync_replicas=topics.min_insync_replicas,
        # Without a second copy only a flush makes an acknowledgement durable.
        flush_each=topics.min_insync_replicas == 1,
    )
    try:
        connection = await asyncpg.connect(DatabaseSettings().database_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        await prepare_schema(connection, cluster_id=await cluster_id(kafka))
    finally:
        await connection.close()


def _check_copies(topics: Topics, *, one_copy: bool) -> None:
    few = topics.replicas < LEAST_REPLICAS or topics.min_insync_replicas < LEAST_IN_SYNC
    if few and not one_copy:
        raise Conflict(
            f"{topics.replicas} replicas with min.insync.replicas={topics.min_insync_replicas} "
            f"can lose facts: use at least {LEAST_REPLICAS} and {LEAST_IN_SYNC}, "
            "or accept the risk with --one-copy"
        )
    if topics.min_insync_replicas > topics.replicas:
        raise Conflict(
            f"min.insync.replicas={topics.min_insync_replicas} can never be met "
            f"by {topics.replicas} replicas"
        )
