"""Is the log still the one that was projected? Asked on every claim."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from projections.positions import Position, digest_record
from stream.batches import LogRecord
from stream.errors import Corrupt
from stream.settings import KafkaSettings, client_options
from stream.topics import MAX_MESSAGE_BYTES

REMEDY = "restore the log, or run `dawalog rebuild` to project the log as it is now"


async def check_log(settings: KafkaSettings, positions: Sequence[Position]) -> None:
    """Raises `Corrupt` if a partition lost its end, or holds another record before a position.

    Reads one record per partition, the one before `next_offset`.
    """
    started = {
        TopicPartition(position.topic, position.partition): position
        for position in positions
        if position.next_offset > 0
    }
    if not started:
        return
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        await _check_ends(consumer, started)
        await _check_digests(consumer, started)
    finally:
        await consumer.stop()


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
        if position.next_offset <= starts[tp]:
            raise Corrupt(
                f"{where} begins at {starts[tp]}, after what was projected: the log lost its "
                f"beginning; {REMEDY}"
            )


async def _check_digests(
    consumer: "AIOKafkaConsumer[Any, Any]", positions: dict[TopicPartition, Position]
) -> None:
    consumer.assign(list(positions))
    for tp, position in positions.items():
        consumer.seek(tp, position.next_offset - 1)
    waiting = set(positions)
    while waiting:
        fetched = await consumer.getmany(*waiting, timeout_ms=1000, max_records=None)
        for tp, records in fetched.items():
            _check_digest(positions[tp], records[0])
            waiting.discard(tp)


def _check_digest(position: Position, record: LogRecord) -> None:
    if (
        record.offset != position.next_offset - 1
        or digest_record(record) != position.record_digest
    ):
        raise Corrupt(
            f"record {position.next_offset - 1} in partition {position.partition} of "
            f"{position.topic} is not the one that was projected: the log was replaced; {REMEDY}"
        )
