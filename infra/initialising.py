"""Creating topics and schema in outside systems, with as many copies as facts deserve."""

from dataclasses import dataclass

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from projections.schema import prepare_schema
from projections.settings import DatabaseSettings
from stream.errors import Conflict, Unavailable
from stream.settings import KafkaSettings, client_options
from stream.topics import TOPICS, cluster_id, create_topics, topic_configs

LEAST_REPLICAS = 3
LEAST_IN_SYNC = 2


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`one_copy`: the operator accepts that one broken disk loses facts."""

    partitions: int
    replicas: int
    min_insync_replicas: int
    one_copy: bool


async def initialise(wanted: Wanted) -> None:
    """Create what is missing and check what was there; safe to repeat.

    Raises Conflict for too few copies or topics with other settings, Unavailable where a system
    doesn't answer.
    """
    _check_copies("asked for", wanted.replicas, wanted.min_insync_replicas, wanted)
    kafka, database = KafkaSettings(), DatabaseSettings()
    await create_topics(
        kafka,
        partitions=wanted.partitions,
        replication_factor=wanted.replicas,
        min_insync_replicas=wanted.min_insync_replicas,
        # Without a second copy only a flush makes an acknowledgement durable.
        flush_each=wanted.min_insync_replicas == 1,
    )
    await _check_topics(kafka, wanted)
    try:
        connection = await asyncpg.connect(database.database_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    try:
        await prepare_schema(connection, cluster_id=await cluster_id(kafka))
    finally:
        await connection.close()


async def _check_topics(kafka: KafkaSettings, wanted: Wanted) -> None:
    """Topics that were there before may have been made by someone else, with other settings."""
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        described = await admin.describe_topics(list(TOPICS))
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in TOPICS]
        (answer,) = await admin.describe_configs(resources)
    finally:
        await admin.close()
    replicas = {
        topic["topic"]: min(len(partition["replicas"]) for partition in topic["partitions"])
        for topic in described
    }
    for _, _, _, topic, entries in answer.resources:
        has = {entry[0]: entry[1] for entry in entries}
        in_sync = int(has["min.insync.replicas"])
        _check_copies(f"of the topic {topic}", replicas[topic], in_sync, wanted)
        for name, value in topic_configs(min_insync_replicas=in_sync, flush_each=False).items():
            if has[name] != value:
                raise Conflict(
                    f"the topic {topic} has {name}={has[name]}, and Dawalog needs {value}"
                )


def _check_copies(whose: str, replicas: int, in_sync: int, wanted: Wanted) -> None:
    if (replicas < LEAST_REPLICAS or in_sync < LEAST_IN_SYNC) and not wanted.one_copy:
        raise Conflict(
            f"the copies {whose} ({replicas}, with min.insync.replicas={in_sync}) can lose facts: "
            f"use at least {LEAST_REPLICAS} and {LEAST_IN_SYNC}, or accept it with --one-copy"
        )
    if in_sync > replicas:
        raise Conflict(f"min.insync.replicas={in_sync} can't be met by {replicas} copies")
