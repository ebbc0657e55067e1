"""Appending to the log: the one way in which Dawalog records a fact."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.appending import Answer, Appended, Appending
from stream.codec import OutgoingRecord
from stream.errors import Unavailable
from stream.lanes import Connection, Place
from stream.metrics import APPEND_SECONDS, EVENTS_APPENDED, RECORDS_IN_FLIGHT
from stream.settings import KafkaSettings, client_options
from stream.tasks import end_task, run_whole
from stream.topics import MAX_MESSAGE_BYTES, STOCK_EVENTS, TOPICS, cluster_id

log = structlog.get_logger()

MAX_BATCH_BYTES: Final = 1024 * 1024
CONNECT_TIMEOUT_SECONDS: Final = 10.0
RECONNECT_SECONDS: Final = 0.5
COMPRESSION: Final = "lz4"


class EventLog:
    """Appends to Kafka with `acks=all`, idempotently, a bounded number of records at a time.

    While the broker is away, `append` says so at once and the connection is tried again in the
    background. A producer that met an error which it doesn't retry stays broken (aiokafka #1017:
    OutOfOrderSequenceNumber), so it is replaced on any such error.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._cluster_id: str | None = None
        self._partitions: dict[str, int] = {}
        self._newest: dict[Place, int] = {}
        self._in_flight = 0
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self, *, wait_seconds: float = 5.0) -> None:
        """Connect, or go on trying in the background if the broker isn't there in time."""
        self._connect()
        assert self._connecting is not None
        await asyncio.wait([self._connecting], timeout=wait_seconds)

    async def stop(self) -> None:
        """Let what is under way end, then disconnect."""
        self._stopped = True
        await end_task(self._connecting)
        if self._connection is not None:
            await self._connection.drain()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self._closing:
            await asyncio.wait(self._closing)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def cluster_id(self) -> str:
        """Known from the first connection on; raises Unavailable before."""
        if self._cluster_id is None:
            raise _away()
        return self._cluster_id

    @property
    def partitions(self) -> int:
        """Of `stock-events`; never changes. Known as `cluster_id` is."""
        if not self._partitions:
            raise _away()
        return self._partitions[STOCK_EVENTS]

    async def append(self, records: Sequence[OutgoingRecord]) -> list[Answer]:
        """One answer a record, in order; those of one partition are appended in this order.

        Never raises for what the broker does and ends within some 10 s. Being cancelled stops
        the waiting only: the records go on their way.
        """
        if not records:
            return []
        if refusal := self._refuse(len(records)):
            return [refusal] * len(records)
        assert self._connection is not None
        started = perf_counter()
        appending = Appending(records, self._ended)
        self._count_in_flight(len(records))
        for index in range(len(records)):
            self._connection.put(appending, index)
        answers = await appending.wait()
        APPEND_SECONDS.observe(perf_counter() - started)
        return answers

    def _refuse(self, count: int) -> Unavailable | None:
        if self._connection is None or self._stopped:
            return _away()
        if self._in_flight + count > self._settings.kafka_max_in_flight:
            return Unavailable("Too much is being recorded at this moment. Send it again.")
        return None

    def _ended(self, appending: Appending) -> None:
        self._count_in_flight(-len(appending.records))
        types = Counter(
            record.type
            for record, answer in zip(appending.records, appending.answers, strict=True)
            if isinstance(answer, Appended)
        )
        for name, count in types.items():
            EVENTS_APPENDED.labels(name).inc(count)

    def _count_in_flight(self, change: int) -> None:
        self._in_flight += change
        RECORDS_IN_FLIGHT.set(self._in_flight)

    def _connect(self) -> None:
        if not self._stopped:
            self._connecting = asyncio.create_task(self._keep_connecting())

    async def _keep_connecting(self) -> None:
        while self._connection is None:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    self._connection = await self._open()
            except (KafkaError, Unavailable, TimeoutError) as error:
                log.warning("kafka is away", reason=repr(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _open(self) -> Connection:
        producer = AIOKafkaProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            max_batch_size=MAX_BATCH_BYTES,
            compression_type=COMPRESSION,
        )
        try:
            self._cluster_id = await cluster_id(self._settings)
            await run_whole(producer.start())
            self._partitions = {
                topic: len(await producer.partitions_for(topic)) for topic in TOPICS
            }
        except BaseException:
            await run_whole(producer.stop())
            raise
        return Connection(producer, self._newest, self._replace)

    def _replace(self, broken: Connection, reason: str) -> None:
        """Called by the connection itself, once."""
        log.warning("the kafka producer broke and is replaced", reason=reason)
        self._connection = None
        closing = asyncio.create_task(broken.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._connect()


def _away() -> Unavailable:
    return Unavailable(
        "Dawalog cannot record anything at this moment. Keep it and send it again.", 2
    )
