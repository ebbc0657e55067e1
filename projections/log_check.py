"""Is the log still the one that was projected? Asked on every claim."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from projections.positions import Position, digest_record
from stream.batches import LogRecord
from stream.errors import Corrupt, Unavailable
from stream.settings import KafkaSettings, client_options
from stream.tasks import run_whole
from stream.topics import MAX_MESSAGE_BYTES

REMEDY = "restore the log, or run `dawalog rebuild` to project the log as it is now"
PATIENCE_SECONDS = 30.0


async def check_log(settings: KafkaSettings, positions: Sequence[Position]) -> None:
    """Raises `Corrupt` if a partition lost its end, or holds another record before a position.

    Reads one record per partition, the one before `next_offset`. Raises `Unavailable` if Kafka
    doesn't let it.
    """
    by_partition = {
        TopicPartition(position.topic, position.partition): position for position in positions
    }
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), _consumer(settings) as consumer:
            await _check_ends(consumer, by_partition)
            await _check_digests(consumer, by_partition)
    except (KafkaError, TimeoutError) as error:
        raise Unavailable(f"Kafka did not let the log be checked: {error!r}") from error


@asynccontextmanager
async def _consumer(settings: KafkaSettings) -> "AsyncIterator[AIOKafkaConsumer[Any, Any]]":
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        fetch_max_wait_ms=100,
    )
    try:
        await run_whole(consumer.start())
        yield consumer
    finally:
        await run_whole(consumer.stop())


async def _check_ends(
    consumer: "AIOKafkaConsumer[Any, Any]", positions: dict[TopicPartition, Position]
) -> None:
    starts = await consumer.beginning_offsets(list(positions))
    ends = await consumer.end_offsets(list(positions))
    for tp, position in positions.items():
        where = f"partition {tp.partition} of {tp.topic}"
        if position.next_offset > ends[tp]:
            raise Corrupt(
                f"{where} was projected up to {position.next_offset} but ends at {ends[tp]}: the "
                f"log was replaced or lost its end; {REMEDY}"
            )
        if starts[tp] > max(0, position.next_offset - 1):
            raise Corrupt(
                f"{where} begins at {starts[tp]} and was projected up to {position.next_offset}: "
                f"the log lost its beginning; {REMEDY}"
            )


async def _check_digests(
    consumer: "AIOKafkaConsumer[Any, Any]", positions: dict[TopicPartition, Position]
) -> None:
    waiting = {tp for tp, position in positions.items() if position.next_offset > 0}
    consumer.assign(list(waiting))
    for tp in waiting:
        consumer.seek(tp, positions[tp].next_offset - 1)
    while waiting:
        fetched = await consumer.getmany(*waiting, timeout_ms=1000, max_records=None)
        for tp, records in fetched.items():
            _check_digest(positions[tp], records[0])
            waiting.discard(tp)


def _check_digest(position: Position, record: LogRecord) -> None:
    if record.offset != position.next_offset - 1 or digest_record(record) != position.record_digest:
        raise Corrupt(
            f"record {position.next_offset - 1} in partition {position.partition} of "
            f"{position.topic} is not the one that was projected: the log was replaced; {REMEDY}"
        )
