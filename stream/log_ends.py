"""Where the log ends, asked every half second.

An answer is compared with it to know its age, a worker to know how far behind it is.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.errors import Unavailable
from stream.settings import KafkaSettings, client_options
from stream.tasks import end_task, run_whole
from stream.topics import STOCK_EVENTS, TOPICS, count_partitions, partition_for

ASK_EVERY_SECONDS: Final = 0.5
RETRY_AFTER_SECONDS: Final = 1.0
KEPT: Final = 120
"""Askings that are remembered: an answer that is a little behind is as old as one of them."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AskedEnds:
    """What Kafka had accepted by `asked_at`: all before these offsets. The clock was read first."""

    asked_at: datetime
    next_offsets: Mapping[tuple[str, int], int]


class LogEnds:
    """Follows the log's ends in the background. With Kafka away, `latest` just grows old."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self.askings: deque[AskedEnds] = deque(maxlen=KEPT)  # oldest first
        self.partitions: Mapping[str, int] = {}

    async def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="log-ends")

    async def stop(self) -> None:
        await end_task(self._task)
        self._task = None

    @property
    def latest(self) -> AskedEnds | None:
        return self.askings[-1] if self.askings else None

    def partition_of(self, facility_id: str) -> int | None:
        """The facility's partition of stock-events; None until Kafka was reached once."""
        partitions = self.partitions.get(STOCK_EVENTS)
        return None if partitions is None else partition_for(facility_id, partitions)

    def age_seconds(self) -> float | None:
        """How long ago Kafka was last asked with success."""
        if self.latest is None:
            return None
        return (datetime.now(UTC) - self.latest.asked_at).total_seconds()

    async def _follow(self) -> None:
        while True:
            try:
                self.partitions = await self._count_partitions()
                await self._ask_repeatedly()
            except (Unavailable, KafkaError, OSError, TimeoutError) as error:
                logger.warning("log_ends_unknown", error=str(error))
                await asyncio.sleep(RETRY_AFTER_SECONDS)

    async def _count_partitions(self) -> dict[str, int]:
        partitions = await count_partitions(self._settings)
        if partitions.keys() < set(TOPICS):
            raise Unavailable("the topics are not created yet")
        return partitions

    async def _ask_repeatedly(self) -> None:
        consumer = AIOKafkaConsumer(group_id=None, **client_options(self._settings))
        places = [
            TopicPartition(topic, partition)
            for topic, count in self.partitions.items()
            for partition in range(count)
        ]
        try:
            await run_whole(consumer.start())
            while True:
                asked_at = datetime.now(UTC)
                ends = await consumer.end_offsets(places)
                next_offsets = {(tp.topic, tp.partition): end for tp, end in ends.items()}
                self.askings.append(AskedEnds(asked_at, next_offsets))
                await asyncio.sleep(ASK_EVERY_SECONDS)
        finally:
            await run_whole(consumer.stop())
