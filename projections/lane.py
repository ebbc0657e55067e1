"""A lane: one connection that projects its partitions' batches, merged, a transaction at a time.

It never waits for more than what is there (latency), and takes all that is there up to a bound
(throughput). Partitions belong to exactly one lane, so lanes share no rows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any, Final

import asyncpg
import structlog

from projections.alerts import project_alerts
from projections.companions import named_items
from projections.dead_letters import (
    DeadLetter,
    conflict,
    conflicting_statement,
    put_dead_letters,
)
from projections.decisions import Place
from projections.decoding import PROGRAM_FAULTS, DecodedBatch, Item
from projections.dictionary import Dictionary
from projections.failures import Failures
from projections.figures.days import india_day, india_today
from projections.figures.due import find_behind, find_due, take_up_again, take_up_records
from projections.figures.evaluating import evaluate
from projections.figures.places import ensure_places
from projections.ledger import project_events
from projections.metrics import observe_applied
from projections.positions import Move, Position, move_positions
from projections.reference import project_reference
from projections.replaying import Pending, find_obstacle, find_pending, put_back, take_out
from projections.sorting_out import SortedOut, sort_out
from stream.errors import Corrupt
from stream.reference import LetterKind, LoggedFacility, LoggedItem
from stream.topics import STOCK_EVENTS

log = structlog.get_logger()

PartitionKey = tuple[str, int]

RECORD_FAULTS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    *PROGRAM_FAULTS,
)
"""What one record can cause in our code or in Postgres. All else stops the worker."""


class Lane:
    """Projects what `put` brings, until `run` raises. Call everything on one event loop."""

    def __init__(
        self,
        connection: "asyncpg.Connection[Any]",
        *,
        model: int,
        live: bool,
        partitions: int,
        max_lines: int,
        on_commit: Callable[[], None] = lambda: None,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        """`partitions`: how many the topics by facility have. `on_commit`: something new is
        visible. `on_done`: fewer lines are waiting.
        """
        self.lock = asyncio.Lock()  # held over a transaction, and over a claim
        self.positions: dict[PartitionKey, Position] = {}
        self.discarded: Mapping[Place, LetterKind] = {}
        """Records that must not be applied when their turn comes."""
        self.waiting_lines = 0
        self._connection = connection
        self._model = model
        self._live = live
        self._partitions = partitions
        self._max_lines = max_lines
        self._on_commit = on_commit
        self._on_done = on_done
        self._queue: asyncio.Queue[DecodedBatch] = asyncio.Queue()
        self._facilities = Dictionary("facility")
        self._items = Dictionary("item")
        self._places: set[int] = set()
        self._rolled_on: date | None = None
        """The day for which all our facilities are known to be evaluated."""
        self.failures = Failures()

    def forget_days(self) -> None:
        """Partitions are ours that another worker may have left on an earlier day."""
        self._rolled_on = None

    def put(self, batch: DecodedBatch) -> None:
        self.waiting_lines += batch.weight
        self._queue.put_nowait(batch)

    async def run(self) -> None:
        """Project for ever. Raises what broke: nothing of the failed transaction is kept."""
        while True:
            batches = [await self._queue.get()]
            lines = batches[0].weight
            while lines < self._max_lines and not self._queue.empty():
                batches.append(self._queue.get_nowait())
                lines += batches[-1].weight
            await self.project(batches)
            self.waiting_lines -= lines
            self._on_done()

    async def project(self, batches: Iterable[DecodedBatch]) -> None:
        """Apply batches, each record once: repeated ones are skipped, stale batches dropped."""
        async with self.lock:
            await self._project([item for batch in batches for item in self._take(batch)])

    async def replay(self) -> None:
        """Apply again what is set aside in our partitions and an operator decided to replay."""
        async with self.lock:
            for pending in await find_pending(self._connection, self.positions):
                await self._replay(pending)

    async def keep_figures(self) -> bool:
        """Work off a part of what no event asks for; whether there may be more."""
        async with self.lock:
            own = [partition for topic, partition in self.positions if topic == STOCK_EVENTS]
            today = india_today()
            for partition, first, stop in await find_behind(self._connection, own):
                async with self._stay([(STOCK_EVENTS, partition)]):
                    await take_up_records(
                        self._connection,
                        partition,
                        first,
                        stop,
                        partitions=self._partitions,
                        today=today,
                    )
            rolling = None if self._rolled_on == today else today
            due = await find_due(self._connection, own, rolling)
            if not due:
                self._rolled_on = today
                return False
            async with self._stay({(STOCK_EVENTS, partition) for _, partition in due}):
                await evaluate(self._connection, [number for number, _ in due], today)
        self._on_commit()
        return True

    def _take(self, batch: DecodedBatch) -> Iterable[Item]:
        """The items of a batch, unless it was fetched under a claim that is no longer ours."""
        position = self.positions.get((batch.topic, batch.partition))
        return batch.items if position and position.epoch == batch.epoch else ()

    async def _project(self, items: Sequence[Item]) -> None:
        """One transaction; if a record's fault fails it, halves, down to the record at fault."""
        if not items:
            return
        fault = await self._try(items)
        if fault is None:
            self.failures.end([item.record for item in items])
        elif len(items) > 1:
            await self._project(items[: len(items) // 2])
            await self._project(items[len(items) // 2 :])
        else:
            record = items[0].record
            log.error("a record could not be applied", record=str(record), exc_info=fault)
            self.failures.count(record, fault)
            await self._commit(items, failure=f"{type(fault).__name__}: {fault}")

    async def _try(self, items: Sequence[Item]) -> Exception | None:
        try:
            await self._commit(items)
        except RECORD_FAULTS as fault:
            return fault
        return None

    async def _commit(self, items: Sequence[Item], failure: str | None = None) -> None:
        """Apply the items that are next in their partitions, with the positions' move."""
        moves, due = self._step(items)
        if not due:
            return
        told = sort_out(due, partitions=self._partitions, failure=failure, apart=self.discarded)
        letters = told.letters
        await self._number(told)
        async with self._connection.transaction():
            await move_positions(self._connection, moves, model=self._model, live=self._live)
            if letters:
                # First: a failed record takes its event's id from those that come after it.
                await put_dead_letters(self._connection, letters)
            if conflicts := await self._apply(told):
                await put_dead_letters(self._connection, conflicts)
        for move in moves:
            self.positions[move.position.topic, move.position.partition] = move.position
        self._on_commit()
        observe_applied(due, letters + conflicts)

    async def _apply(self, told: SortedOut) -> list[DeadLetter]:
        """Write their rows; returns the letters of what contradicts what is recorded."""
        letters: list[DeadLetter] = []
        if told.references:
            await project_reference(self._connection, told.references)
        if told.alerts:
            numbers = (self._facilities.numbers, self._items.numbers)
            refused = await project_alerts(self._connection, told.alerts, *numbers)
            letters += map(conflicting_statement, refused)
        if told.arrivals:
            outcome = await project_events(self._connection, told.arrivals, self._items.numbers)
            letters += map(conflict, outcome.conflicts)
        return letters

    async def _replay(self, pending: Pending) -> None:
        """One transaction, fenced as any other; a record that fails again stays set aside."""
        try:
            await self._commit_replay(pending)
        except RECORD_FAULTS as error:
            log.exception("a record could not be replayed", record=str(pending.item.record))
            await self._commit_replay(pending, failure=f"{type(error).__name__}: {error}")

    async def _commit_replay(self, pending: Pending, failure: str | None = None) -> None:
        told = sort_out([pending.item], partitions=self._partitions, failure=failure)
        letters = told.letters
        await self._number(told)
        async with self._stay([pending.place[:2]]):
            await take_out(self._connection, pending)
            for arrival in told.arrivals:
                if obstacle := await find_obstacle(self._connection, arrival):
                    told, letters = told._replace(arrivals=[]), [obstacle]
            letters += await self._apply(told)
            if told.references:
                await take_up_again(self._connection, pending.item.record.offset)
            for letter in letters:
                await put_back(self._connection, pending, letter)
        self._on_commit()

    def _step(self, items: Sequence[Item]) -> tuple[list[Move], list[Item]]:
        """Walk the positions over the items: repeated ones are skipped, a hole stops the worker."""
        moves: dict[PartitionKey, Move] = {}
        due: list[Item] = []
        for item in items:
            record = item.record
            key = (record.topic, record.partition)
            move = moves.get(key)
            if move is None:
                position = replace(self.positions[key])
                move = moves[key] = Move(position.next_offset, position)
            if record.offset < move.position.next_offset:
                continue
            if record.offset > move.position.next_offset:
                raise Corrupt(
                    f"records {move.position.next_offset} to {record.offset - 1} of partition "
                    f"{record.partition} of {record.topic} are missing; the worker stops"
                )
            item.recorded_at = move.position.advance(record)
            due.append(item)
        return [move for move in moves.values() if move.moved], due

    async def _number(self, told: SortedOut) -> None:
        """Numbers for all that is named, and places for facilities that are heard of first."""
        arrivals = told.arrivals
        facility_ids = {arrival.event.facility_id for arrival in arrivals}
        item_ids = {item_id for arrival in arrivals for item_id in named_items(arrival)}
        for subject in (alert.event.subject for alert in told.alerts):
            facility_ids |= {subject.facility_id} if subject.facility_id else set()
            item_ids |= {subject.item_id} if subject.item_id else set()
        for registered in told.references:
            match registered.reference:
                case LoggedFacility(facility_id=facility_id):
                    facility_ids.add(facility_id)
                case LoggedItem(item_id=item_id):
                    item_ids.add(item_id)
        await self._facilities.learn(self._connection, facility_ids)
        await self._items.learn(self._connection, item_ids)
        numbers, new = self._facilities.numbers, {}
        for arrival in arrivals:
            arrival.facility_no = number = numbers[arrival.event.facility_id]
            if number not in self._places and number not in new:
                new[number] = (arrival.record.partition, india_day(arrival.recorded_at))
        await ensure_places(self._connection, ((number, *new[number]) for number in new))
        self._places.update(new)
        if any(day < india_today() for _, day in new.values()):
            self._rolled_on = None

    @asynccontextmanager
    async def _stay(self, places: Iterable[PartitionKey]) -> AsyncIterator[None]:
        """A transaction that moves no position, but is ours as one that does."""
        own = [self.positions[place] for place in places]
        stay = [Move(position.next_offset, position) for position in own]
        async with self._connection.transaction():
            await move_positions(self._connection, stay, model=self._model, live=self._live)
            yield
