"""The projector: what the Faust worker feeds (`stream.batches.Projection`).

Record batches are decoded as they come and go to the lane of their partition; each lane merges
what is waiting into one transaction. Where each partition stands is Postgres's to say, not
Kafka's: `claim` reads it there, and checks that the log is still the one that was projected.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
from aiokafka import TopicPartition

from projections.announcing import Announcer
from projections.decided_ahead import find_discarded
from projections.decisions import CHANNEL as DECIDED
from projections.decoding import decode_pieces
from projections.failures import find_failure_runs
from projections.instants import remember_instants
from projections.lane import Lane
from projections.log_check import check_log
from projections.metrics import DEAD_LETTERS, LAG
from projections.positions import Fenced, check_live, claim_positions
from projections.schema import model_schema
from projections.settings import ProjectorSettings
from stream.batches import Claim, RecordBatch
from stream.errors import Unavailable
from stream.settings import KafkaSettings
from stream.topics import REFERENCE, STOCK_EVENTS, count_partitions

ROOM_LINES: Final = 3
"""Fetching pauses while a lane has so many transactions' lines waiting."""

PIECE_LINES: Final = 1_000
"""Batches are decoded, and merged into transactions, in pieces of about so many lines. One may have
200,000 of them: its transaction would be silent until Postgres ends it, and so again for ever."""

DEAD_LETTER_REPORT_SECONDS: Final = 15.0

LIVE_MODEL_SECONDS: Final = 0.5
"""How often a worker asks whether its read model is still the live one."""

FIGURES_SECONDS: Final = 1.0
"""How often to look whether a day has begun or records have changed."""

REPLAY_SECONDS: Final = 10.0
"""How often to look for letters to replay, should no NOTIFY tell."""

COUNT_OPEN: Final = """
SELECT topic, letter.kind, count(*) FROM dead_letter AS letter
LEFT JOIN dead_letter_decision USING (topic, partition, log_offset)
WHERE decision IS DISTINCT FROM 'discarded'
GROUP BY topic, letter.kind
"""


class Projector:
    """Projects into one read model. Made by `open_projector`; `run` until it raises."""

    def __init__(
        self,
        lanes: list[Lane],
        announcer: Announcer,
        control: "asyncpg.Connection[Any]",
        kafka: KafkaSettings,
        settings: ProjectorSettings,
        *,
        live_model: int | None,
    ) -> None:
        """`live_model`: the model's number, if it must be the live one."""
        self._live_model = live_model
        self._lanes = lanes
        self._announcer = announcer
        self._control = control
        self._control_lock = asyncio.Lock()
        self._kafka = kafka
        self._room = ROOM_LINES * settings.projector_transaction_lines
        self._roomy = asyncio.Event()
        self._decided = asyncio.Event()
        self._claimed = asyncio.Event()

    async def run(self) -> None:
        """Work until something breaks; raises what broke (never returns)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._announcer.run())
            tasks.create_task(self._report_dead_letters())
            tasks.create_task(self._watch_live_model())
            tasks.create_task(self._replay())
            if self._live_model is not None:
                tasks.create_task(self._keep_figures())
            for lane in self._lanes:
                tasks.create_task(lane.run())

    async def claim(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Claim]:
        """Claim the positions; batches of an earlier claim are dropped from now on."""
        async with self._between_transactions():
            async with self._control_lock:
                positions = await claim_positions(self._control, partitions)
                discarded = await find_discarded(self._control, self._kafka, positions)
                failure_runs = await find_failure_runs(self._control, positions)
            await check_log(self._kafka, positions)
            for position in positions:
                lane = self._lane_of(position.partition)
                lane.positions[position.topic, position.partition] = position
                lane.discarded = discarded
                lane.forget_days()
                lane.failures.resume(failure_runs)
        self._decided.set()
        self._claimed.set()
        LAG.clear()
        return {
            TopicPartition(position.topic, position.partition): Claim(
                position.next_offset, position.epoch
            )
            for position in positions
        }

    async def release(self) -> None:
        """Let go of all positions, once the transactions under way have ended.

        Without that, what still waits here would run into its successor's epoch, and this worker
        would stop for every other one that comes or goes.
        """
        async with self._between_transactions():
            LAG.clear()
            DEAD_LETTERS.clear()

    @asynccontextmanager
    async def _between_transactions(self) -> AsyncIterator[None]:
        """No lane writes inside, and none has positions any more."""
        async with AsyncExitStack() as locks:
            for lane in self._lanes:
                await locks.enter_async_context(lane.lock)
                lane.positions.clear()
            yield

    def has_room(self, partition: int) -> bool:
        """Whether its lane can do with more."""
        return self._lane_of(partition).waiting_lines <= self._room

    async def wait_for_room(self, partitions: Iterable[int]) -> None:
        """Wait until one of them has room; lanes say when they have done something."""
        wanted = set(partitions)
        while wanted and not any(self.has_room(partition) for partition in wanted):
            self._roomy.clear()
            await self._roomy.wait()

    async def submit(self, batch: RecordBatch) -> None:
        """Decode a batch and hand it to its lane. Raises `NewerSchema`."""
        for piece in decode_pieces(batch, PIECE_LINES):
            self._lane_of(batch.partition).put(piece)
            # Lanes go on meanwhile: Postgres ends a transaction in which nothing is heard of us.
            await asyncio.sleep(0)

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """The positions of the partitions claimed now."""
        return {
            key: position.next_offset
            for lane in self._lanes
            for key, position in lane.positions.items()
        }

    def on_news(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each commit."""
        self._announcer.on_news(tell)

    def on_done(self) -> None:
        """A lane has fewer lines waiting than before."""
        self._roomy.set()

    def _lane_of(self, partition: int) -> Lane:
        return self._lanes[partition % len(self._lanes)]

    async def _replay(self) -> None:
        """Work off what operators decided, soon after it is projected, wherever that is."""
        async with self._control_lock:
            await self._control.add_listener(DECIDED, lambda *_: self._decided.set())
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REPLAY_SECONDS):
                    await self._decided.wait()
            self._decided.clear()
            for lane in self._lanes:
                await lane.replay()

    async def _keep_figures(self) -> None:
        """What a new day and changed records ask for, soon after they come."""
        while True:
            await self.settle_figures()
            await asyncio.sleep(FIGURES_SECONDS)

    async def settle_figures(self) -> None:
        """Work off all of it that there is now; events are projected meanwhile."""
        for lane in self._lanes:
            while await lane.keep_figures():
                pass

    async def _watch_live_model(self) -> None:
        """An idle worker too must notice a cut-over, before the next record comes."""
        while self._live_model is not None:
            async with self._control_lock:
                await check_live(self._control, self._live_model)
            await asyncio.sleep(LIVE_MODEL_SECONDS)

    async def _report_dead_letters(self) -> None:
        while True:
            if (REFERENCE, 0) in self.next_offsets():
                async with self._control_lock:
                    rows = await self._control.fetch(COUNT_OPEN)
                DEAD_LETTERS.clear()
                for topic, kind, count in rows:
                    DEAD_LETTERS.labels(topic, kind).set(count)
            else:
                DEAD_LETTERS.clear()  # let go of while they were counted
            with suppress(TimeoutError):
                async with asyncio.timeout(DEAD_LETTER_REPORT_SECONDS):
                    await self._claimed.wait()
            self._claimed.clear()


@asynccontextmanager
async def open_projector(
    settings: ProjectorSettings, kafka: KafkaSettings, *, model: int, live: bool = True
) -> AsyncIterator[Projector]:
    """A projector into read model `model`, with connections of its own.

    Args:
        live: whether `model` must be the one that answers reads, now and at each transaction.
    """
    async with AsyncExitStack() as connections:

        async def connect(role: str) -> "asyncpg.Connection[Any]":
            connection = await _connect(settings, model, role)
            connections.push_async_callback(connection.close)
            return connection

        partitions = (await count_partitions(kafka))[STOCK_EVENTS]
        announcer = Announcer(await connect("announcer"))
        lanes: list[Lane] = []
        projector = Projector(
            lanes,
            announcer,
            await connect("control"),
            kafka,
            settings,
            live_model=model if live else None,
        )
        lanes += [
            Lane(
                await connect(f"lane {number}"),
                model=model,
                live=live,
                partitions=partitions,
                max_lines=settings.projector_transaction_lines,
                on_commit=announcer.announce,
                on_done=projector.on_done,
            )
            for number in range(settings.projector_lanes)
        ]
        yield projector


async def _connect(settings: ProjectorSettings, model: int, role: str) -> "asyncpg.Connection[Any]":
    timeout_ms = int(settings.projector_idle_timeout_seconds * 1000)
    try:
        connection = await asyncpg.connect(
            settings.database_url,
            server_settings={
                "application_name": f"dawalog worker: {role}",
                "search_path": model_schema(model),
                # A worker frozen inside a transaction, or cut off, doesn't hold its successor up.
                "idle_in_transaction_session_timeout": str(timeout_ms),
                "tcp_user_timeout": str(timeout_ms),
                # Every look-up is by key. A plan made while a table was empty would scan it.
                "enable_seqscan": "off",
                "enable_hashjoin": "off",
                "enable_mergejoin": "off",
                "jit": "off",
            },
        )
        await remember_instants(connection)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"Postgres can't be reached: {error}") from error
    return connection


__all__ = ["Fenced", "Projector", "open_projector"]
