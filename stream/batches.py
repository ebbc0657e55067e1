# ruff: noqa: SLF001, ASYNC109, ARG002 (Faust's and aiokafka's own names and signatures)
"""Faust on record batches: one Faust message per partition and fetch, positions kept elsewhere.

Faust's own path handles each record as a message (about 9,000 records/s); one message per fetched
partition batch carries more than 100,000. Group membership, rebalancing, flow control and the
lifecycle stay Faust's. Where to read from is asked of the `Projection` on every assignment
(`claim`), never of Kafka's committed offsets.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, cast

import aiokafka
import faust
import structlog
import uvloop
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message

from stream.errors import Corrupt

log = structlog.get_logger()

LogRecord: TypeAlias = ConsumerRecord[bytes | None, bytes | None]

FETCH_MAX_WAIT_MS = 100
"""How long the broker may hold a fetch back. Faust's 1,500 ms is also the delay of a partition
that still had records buffered when the fetch went out (measured: p99 415 ms at 100 events/s)."""


class Claim(NamedTuple):
    """A partition that this worker may project: from which offset, under which epoch."""

    next_offset: int
    epoch: int


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition in offset order, as fetched, tagged with the claim's epoch."""

    topic: str
    partition: int
    epoch: int
    records: Sequence[LogRecord]


class Projection(Protocol):
    """What the worker feeds. Every call is made on the worker's event loop."""

    async def claim(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Claim]:
        """Take the partitions over. May wait for a predecessor's transaction to end.

        Raises `Corrupt` if the log isn't the one that was projected so far.
        """

    async def release(self) -> None:
        """Let go of all partitions: nothing more is written until the next claim."""

    def has_room(self, partition: int) -> bool:
        """Whether more of this partition may come; what has none isn't fetched."""

    async def wait_for_room(self, partitions: Iterable[int]) -> None:
        """Block until one of the partitions has room; at once if there are none."""

    async def submit(self, batch: RecordBatch) -> None:
        """Take a batch. Must not block for long; raises what broke the projection."""


class RecordBatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The driver's consumer thread with a short fetch wait."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # The fetcher is made in start(), from this attribute.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer

    async def _fetch_records(self, *args: Any, **options: Any) -> Any:
        try:
            return await super()._fetch_records(*args, **options)
        except NoOffsetForPartitionError:
            # A rebalance brought a partition that nothing was committed of, while this fetch was
            # under way. It is claimed and sought next, and not read before.
            return {}
        except OffsetOutOfRangeError as error:
            raise Corrupt(
                f"the log has lost what comes next, or its end: {error}; the worker stops"
            ) from error


class RecordBatchConsumer(driver.Consumer):
    """The driver's consumer, yielding `RecordBatch`es and seeking to claimed positions."""

    app: "RecordBatchApp"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The next offset to hand on and the epoch, per claimed partition.
        self._claims: dict[TP, Claim] = {}

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        is_uvloop = isinstance(self.loop, uvloop.Loop)  # of one kind: infra.worker chose it
        return RecordBatchConsumerThread(
            self,
            loop=self.loop,
            thread_loop=uvloop.new_event_loop() if is_uvloop else None,
            beacon=self.beacon,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Claim what is assigned and seek there, to offset 0 too.

        Faust calls this when flow resumes after each rebalance; a seek made earlier, in its
        on_partitions_assigned signal, would be overwritten here.
        """
        assigned = self.assignment()
        self._claims.clear()
        claimed = await self.app.projection.claim(assigned)
        claims = {TP(tp.topic, tp.partition): claim for tp, claim in claimed.items()}
        positions = {tp: claim.next_offset for tp, claim in claims.items()}
        await self.seek_wait(positions)
        # Only now: what was fetched before the seek finds no claim, or another offset than this.
        self._claims.update(claims)
        log.info("partitions claimed", partitions=len(claims))
        return positions

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._claims.clear()
        await self.app.projection.release()
        await super().on_partitions_revoked(revoked)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Fetch, and yield one message per partition whose value is a `RecordBatch`."""
        await self.app.projection.wait_for_room({tp.partition for tp in self.assignment()})
        before = dict(self._claims)
        fetched, active_partitions = await self._wait_next_records(timeout)
        generation_id = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        # While flow is stopped what was fetched is dropped: flow resumes with a claim and a seek.
        for tp, records in fetched.items():
            if not self.flow_active or self.app.consumer_generation_id != generation_id:
                return
            claim = self._claims.get(tp)
            if claim is None or not self._is_active(tp, active_partitions):
                continue
            if records[0].offset != claim.next_offset and before.get(tp) != claim:
                # Fetched across a claim, from where the partition stood before it.
                continue
            self._claims[tp] = claim._replace(next_offset=records[-1].offset + 1)
            yield (
                tp,
                self._to_message(tp, RecordBatch(tp.topic, tp.partition, claim.epoch, records)),
            )

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch for those that have room: a partition with much to do holds up no other."""
        has_room = self.app.projection.has_room
        roomy = {tp for tp in active_partitions or () if has_room(tp.partition)}
        return await super()._getmany(roomy or active_partitions, timeout)

    def _is_active(self, tp: TP, active_partitions: set[TP] | None) -> bool:
        return (
            active_partitions is None or tp in active_partitions or tp in self._buffered_partitions
        )

    def _to_message(self, tp: TP, batch: RecordBatch) -> ConsumerMessage:
        last = batch.records[-1]
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            cast("bytes", batch),  # Faust passes a value on as it is; the schema leaves it so
            None,
            0,
            sum(max(record.serialized_value_size, 0) for record in batch.records),
            tp,
            generation_id=self.app.consumer_generation_id,
        )


class RecordBatchTransport(driver.Transport):
    """The aiokafka driver with our consumer."""

    Consumer: ClassVar[type[RecordBatchConsumer]] = RecordBatchConsumer


class RecordBatchSchema(faust.Schema[Any, Any]):
    """Leaves keys and values as they are."""

    def loads_key(self, app: AppT, message: Message, **options: Any) -> Any:
        return message.key

    def loads_value(self, app: AppT, message: Message, **options: Any) -> Any:
        return message.value


class RecordBatchApp(faust.App):
    """A Faust app that reads record batches from the positions of a `Projection`."""

    def __init__(self, app_id: str, *, projection: Projection, **settings: Any) -> None:
        self.projection = projection
        super().__init__(app_id, **settings)

    def _new_transport(self) -> RecordBatchTransport:
        return RecordBatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: without tables Faust keeps no files, and the current folder may be read-only."""


__all__ = ["Claim", "LogRecord", "Projection", "RecordBatch", "RecordBatchApp", "RecordBatchSchema"]
