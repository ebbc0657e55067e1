"""The three topics of the log, and which partition a facility is in.

All are kept for ever and none is compacted: dense offsets prove that nothing was lost. The broker
stamps each record (LogAppendTime), which is what `recorded_at` means.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code
from aiokafka.partitioner import murmur2
from stamina import retry_context

from stream.errors import Corrupt, Unavailable
from stream.settings import KafkaSettings, client_options
from stream.tasks import run_whole

STOCK_EVENTS: Final = "stock-events"
REFERENCE: Final = "reference"
ALERT_EVENTS: Final = "alert-events"
TOPICS: Final = (STOCK_EVENTS, REFERENCE, ALERT_EVENTS)

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024


@lru_cache(maxsize=65_536)
def partition_for(facility_id: str, partitions: int) -> int:
    """The partition that any Kafka client would choose for this key (murmur2, as Java's)."""
    return int((murmur2(facility_id.encode()) & 0x7FFFFFFF) % partitions)


async def create_topics(
    settings: KafkaSettings,
    *,
    partitions: int,
    replication_factor: int,
    min_insync_replicas: int,
    flush_each: bool,
) -> None:
    """Create what is missing and wait until each partition has a leader; safe to repeat.

    `flush_each` makes an acknowledgement durable on a single broker without replicas.
    The number of partitions of a topic that exists is never changed: keys would move.
    """
    configs = topic_configs(min_insync_replicas=min_insync_replicas, flush_each=flush_each)
    wanted = [
        NewTopic(
            name=topic,
            num_partitions=1 if topic == REFERENCE else partitions,
            replication_factor=replication_factor,
            topic_configs=configs,
        )
        for topic in TOPICS
    ]
    async with _admin(settings) as admin:
        answer = await admin.create_topics(wanted)
        for topic, code, *message in answer.topic_errors:
            if for_code(code) not in (NoError, TopicAlreadyExistsError):
                reason = message[0] if message and message[0] else for_code(code).__name__
                raise Unavailable(f"Kafka did not create the topic {topic}: {reason}")
        async for attempt in retry_context(
            on=Unavailable, timeout=30, wait_initial=0.02, wait_jitter=0.02
        ):
            with attempt:
                await _check_leaders(admin)


def topic_configs(*, min_insync_replicas: int, flush_each: bool) -> dict[str, str]:
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.insync.replicas": str(min_insync_replicas),
        "unclean.leader.election.enable": "false",
    }
    return configs | {"flush.messages": "1"} if flush_each else configs


async def cluster_id(settings: KafkaSettings) -> str:
    async with _admin(settings) as admin:
        return str((await admin.describe_cluster())["cluster_id"])


async def count_partitions(settings: KafkaSettings) -> dict[str, int]:
    """Topic → number of partitions, of our topics that exist."""
    async with _admin(settings) as admin:
        return {topic: len(leaders) for topic, leaders in (await _leaders(admin)).items()}


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client; a broker that is away or refuses is `Unavailable`."""
    client = AIOKafkaAdminClient(**client_options(settings))
    try:
        await run_whole(client.start())
        yield client
    except KafkaError as error:
        raise Unavailable(f"Kafka can't be reached or did not answer: {error!r}") from error
    finally:
        await run_whole(client.close())


async def _leaders(admin: AIOKafkaAdminClient) -> dict[str, list[int]]:
    return {
        topic["topic"]: [partition["leader"] for partition in topic["partitions"]]
        for topic in await admin.describe_topics()
        if topic["topic"] in TOPICS
    }


async def _check_leaders(admin: AIOKafkaAdminClient) -> None:
    leaders = await _leaders(admin)
    for topic in TOPICS:
        if not leaders.get(topic) or min(leaders[topic]) < 0:
            raise Unavailable(f"the topic {topic} has no leader for each partition yet")
    if len(leaders[REFERENCE]) != 1:
        raise Corrupt("the topic reference must have exactly one partition")
    if len(leaders[STOCK_EVENTS]) != len(leaders[ALERT_EVENTS]):
        raise Corrupt("stock-events and alert-events must have the same number of partitions")
