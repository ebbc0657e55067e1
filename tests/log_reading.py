"""The log as a plain consumer reads it, and how far the read model is."""

from typing import Any, TypeAlias

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.batches import LogRecord
from stream.settings import KafkaSettings, client_options
from stream.topics import STOCK_EVENTS, TOPICS, count_partitions

Offsets: TypeAlias = dict[tuple[str, int], int]
Database: TypeAlias = "asyncpg.Connection[Any]"


async def read_log(settings: KafkaSettings, topic: str = STOCK_EVENTS) -> list[LogRecord]:
    """All records of a topic, each partition's in order."""
    partitions = [
        TopicPartition(topic, number) for number in range((await count_partitions(settings))[topic])
    ]
    consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(
        **client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    records: list[LogRecord] = []
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        waiting = {tp for tp in partitions if ends[tp] > 0}
        while waiting:
            fetched = await consumer.getmany(*waiting, timeout_ms=1000)
            for tp, batch in fetched.items():
                records += batch
                if batch[-1].offset + 1 >= ends[tp]:
                    waiting.discard(tp)
    finally:
        await consumer.stop()
    return records


async def log_ends(settings: KafkaSettings) -> Offsets:
    """The end of every partition that is projected."""
    numbers = await count_partitions(settings)
    consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(**client_options(settings))
    await consumer.start()
    try:
        ends = await consumer.end_offsets(
            [TopicPartition(topic, number) for topic in TOPICS for number in range(numbers[topic])]
        )
    finally:
        await consumer.stop()
    return {(tp.topic, tp.partition): end for tp, end in ends.items()}


async def projected(connection: Database) -> Offsets:
    """The read model's positions."""
    rows = await connection.fetch("SELECT topic, partition, next_offset FROM position")
    return {(row[0], row[1]): row[2] for row in rows}
