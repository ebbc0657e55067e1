# ruff: noqa: SLF001 (aiokafka has no way to give a producer up; see Connection.close)
"""One connection to Kafka, written to in lanes: one lane a partition, one batch of it under way.

aiokafka keeps one batch of a partition in flight anyway. Filling that batch here, with all that
waits for the partition, costs a fraction of its `send` for each record, and many small posts
still share a request.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from stream.appending import Appended, Appending
from stream.errors import Unavailable

Place: TypeAlias = tuple[str, int]
"""(topic, partition)"""

BATCH_TIMEOUT_SECONDS: Final = 6.0
"""aiokafka retries an idempotent batch for ever; after this long the broker counts as away."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Connection:
    """A started producer. `broken` is called at most once: then it must be replaced.

    `newest` holds the greatest broker's stamp (ms) seen per place, and outlives the connection.
    """

    producer: AIOKafkaProducer
    newest: dict[Place, int]
    broken: Callable[["Connection", str], None]
    _lanes: dict[Place, "_Lane"] = field(default_factory=dict)
    _is_broken: bool = False

    def put(self, appending: Appending, index: int) -> None:
        record = appending.records[index]
        place = (record.topic, record.partition)
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self, place)
        lane.put(appending, index)

    def fail(self, reason: str) -> None:
        """Give up all that waits: these records may be in the log, or get there yet, or not."""
        if self._is_broken:
            return
        self._is_broken = True
        for lane in self._lanes.values():
            lane.give_up()
        self.broken(self, reason)

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Takes no longer than one request may, though the broker is away.

        `AIOKafkaProducer.stop` waits without end for what it still has to deliver, as idempotent
        batches are retried for ever. Hence its sender is stopped, and its batches failed, first.
        """
        sender = self.producer._sender.sender_task
        if sender is not None:
            sender.cancel()
            await asyncio.wait([sender])
        accumulator = self.producer._message_accumulator
        left = [batch for queue in accumulator._batches.values() for batch in queue]
        left.extend(accumulator._pending_batches)
        accumulator.fail_all(KafkaConnectionError())
        for batch in left:
            # nobody waits for these any more; asyncio would complain of errors not looked at
            batch.future.exception()
            batch._drain_waiter.exception()
        await self.producer.stop()


@dataclass(eq=False)
class _Lane:
    connection: Connection
    place: Place
    task: asyncio.Task[None] | None = None
    queue: deque[tuple[Appending, int]] = field(default_factory=deque)
    under_way: list[tuple[Appending, int]] = field(default_factory=list)

    def put(self, appending: Appending, index: int) -> None:
        self.queue.append((appending, index))
        if self.task is None:
            self.task = asyncio.create_task(self._run())

    def give_up(self) -> None:
        lost = [*self.under_way, *self.queue]
        self.under_way.clear()
        self.queue.clear()
        for appending, index in lost:
            appending.settle(index, _unknown())

    async def _run(self) -> None:
        try:
            while self.queue:
                await self._send_batch()
        except (KafkaError, TimeoutError) as error:
            self.connection.fail(repr(error))
        finally:
            self.task = None
            self.give_up()  # of nothing, unless by a fault of ours

    async def _send_batch(self) -> None:
        """Send as much as fits into one batch, in order, and answer for each record."""
        builder = self._fill(self.connection.producer.create_batch())
        topic, partition = self.place
        async with asyncio.timeout(BATCH_TIMEOUT_SECONDS):
            delivery = await self.connection.producer.send_batch(
                builder, topic, partition=partition
            )
            metadata = await delivery
        appended, self.under_way = self.under_way, []
        if metadata.offset < 0:
            # DuplicateSequenceNumber: the broker has the batch, but no longer knows where
            for appending, index in appended:
                appending.settle(index, _unknown())
            return
        recorded_at = self._recorded_at(metadata.timestamp)
        for offset, (appending, index) in enumerate(appended, metadata.offset):
            appending.settle(index, Appended(topic, partition, offset, recorded_at))

    def _fill(self, builder: BatchBuilder) -> BatchBuilder:
        while self.queue:
            appending, index = self.queue[0]
            record = appending.records[index]
            if not builder.append(
                timestamp=None,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
            ):
                break
            self.under_way.append(self.queue.popleft())
        builder.close()
        return builder

    def _recorded_at(self, stamp: int) -> datetime:
        """The broker's stamp, or that of the record before where its clock went back."""
        newest = self.connection.newest
        newest[self.place] = stamp = max(stamp, newest.get(self.place, stamp))
        return _EPOCH + timedelta(milliseconds=stamp)


def _unknown() -> Unavailable:
    return Unavailable("It is not known whether this was recorded. Sending it again is safe.")
