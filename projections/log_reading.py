"""Reading the log from any offset to any other, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from stream.batches import LogRecord
from stream.errors import Corrupt, Unavailable
from stream.settings import KafkaSettings, client_options
from stream.tasks import run_whole
from stream.topics import MAX_MESSAGE_BYTES, count_partitions

Offsets: TypeAlias = dict[tuple[str, int], int]
"""(topic, partition) → offset"""

Choice: TypeAlias = Callable[[Collection[tuple[str, int]]], Awaitable[Collection[tuple[str, int]]]]
"""Of these partitions, which to read from next; at least one."""

FETCH_RECORDS: Final = 4000
FETCH_WAIT_MS: Final = 100
SILENCE_SECONDS: Final = 30.0
"""Records are there and none came for so long: the broker is as good as away."""


class LogReader:
    """Made by `open_log`. One reading at a time."""

    def __init__(self, consumer: "AIOKafkaConsumer[Any, Any]", partitions: Mapping[str, int]):
        self.partitions = partitions
        """Topic → number of partitions."""
        self._consumer = consumer

    async def find_ends(self, topics: Iterable[str]) -> Offsets:
        """Where each partition of these topics ends now."""
        tps = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(self.partitions.get(topic, 0))
        ]
        ends = await self._consumer.end_offsets(tps)
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def read(
        self,
        starts: Mapping[tuple[str, int], int],
        stops: Mapping[tuple[str, int], int],
        choose: Choice | None = None,
    ) -> AsyncIterator[list[LogRecord]]:
        """Records of one partition at a time, in order, from each start to before its stop.

        Args:
            choose: asked before each fetch with all that isn't read to its stop.

        The stops must not be beyond the ends. Raises Corrupt where the log lost its beginning,
        Unavailable where the broker is away.
        """
        waiting = {
            TopicPartition(*place): stop
            for place, stop in stops.items()
            if starts.get(place, 0) < stop
        }
        if not waiting:
            return
        self._consumer.assign(list(waiting))
        for tp in waiting:
            self._consumer.seek(tp, starts.get((tp.topic, tp.partition), 0))
        while waiting:
            chosen = await choose(waiting) if choose else waiting
            for tp, records in (await self._fetch(chosen)).items():
                stop = waiting[tp]
                if records[-1].offset + 1 >= stop:
                    del waiting[tp]
                    self._consumer.pause(tp)
                if wanted := [record for record in records if record.offset < stop]:
                    yield wanted

    async def _fetch(
        self, chosen: Collection[tuple[str, int]]
    ) -> dict[TopicPartition, list[LogRecord]]:
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            try:
                fetched: dict[TopicPartition, list[LogRecord]] = await self._consumer.getmany(
                    *chosen, timeout_ms=1000, max_records=FETCH_RECORDS
                )
            except OffsetOutOfRangeError as error:
                raise Corrupt(f"the log lost its beginning: {error}") from error
            if fetched:
                return fetched
            if clock() - began > SILENCE_SECONDS:
                raise Unavailable("Kafka does not send the records that it has")


@asynccontextmanager
async def open_log(settings: KafkaSettings) -> AsyncIterator[LogReader]:
    """A reader; a broker that is away or refuses is `Unavailable`."""
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    try:
        await run_whole(consumer.start())
        yield LogReader(consumer, await count_partitions(settings))
    except KafkaError as error:
        raise Unavailable(f"Kafka can't be reached or did not answer: {error!r}") from error
    finally:
        await run_whole(consumer.stop())
