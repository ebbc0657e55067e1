"""One partition's rows against those that the definition gives for its records.

The records are copied to disk first; then one snapshot of the read model is taken, the copy goes on
to exactly where the snapshot stands, and bucket by bucket is folded and compared in it.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import asyncpg

from projections.alerts import AlertArrival
from projections.arrivals import Arrival
from projections.dead_letters import (
    DeadLetter,
    SetAside,
    conflict,
    conflicting_statement,
    failed,
    find_set_aside,
)
from projections.decoding import Item, Undecoded, decode_batch
from projections.definition import Ledger, fold
from projections.definition_rows import (
    Rows,
    as_recorded,
    list_alert_rows,
    list_letters,
    list_records,
    list_rows,
)
from projections.differences import Differences
from projections.entries import list_entries
from projections.figures_check import FiguresCheck, RecordsReader, open_figures_check
from projections.log_copy import LogCopy, bucket_of
from projections.log_reading import LogReader
from projections.positions import Position
from projections.reference import ReferenceArrival
from projections.schema import model_schema
from projections.sliced_check import SlicedCheck
from projections.slices import MOST_SLICES
from projections.tables import (
    ALERT_TABLES,
    DEAD_LETTER,
    FACILITY_TABLES,
    REFERENCE_TABLES,
    Table,
)
from stream.batches import RecordBatch
from stream.errors import Corrupt
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS, partition_for

FIND_POSITION = """
SELECT topic, partition, next_offset, epoch, recorded_at, record_digest, chain_digest
FROM position WHERE topic = $1 AND partition = $2
"""

DECODED_RECORDS: Final = 1_000
"""So many records are decoded at a time."""

FIND_FACILITIES = "SELECT facility_id, facility_no FROM facility_number"
FIND_PLACES = "SELECT place, place FROM alert UNION SELECT place, place FROM alert_event"


@dataclass(slots=True)
class Tally:
    """What was compared: distinct applied events and their lines."""

    events: int = 0
    lines: int = 0
    records: int = 0
    unsettled: bool = False
    """Its figures were still to be told anew, and so aren't compared."""


class PartitionCheck:
    """Compares one partition.

    Args:
        end: where the log ended when the verification began; what came later is compared too,
            but not counted.
        slice_records: a bucket of facilities with more than twice as many is divided into slices
            of about so many.
    """

    def __init__(
        self,
        place: tuple[str, int],
        end: int,
        *,
        connection: "asyncpg.Connection[Any]",
        log: LogReader,
        model: int | None,
        differences: Differences,
        records: RecordsReader,
        slice_records: int,
    ) -> None:
        self.tally = Tally()
        self._records = records
        self._slice_records = slice_records
        self._figures: FiguresCheck | None = None
        self._topic, self._partition = self._place = place
        self._end = end
        self._connection = connection
        self._log = log
        self._model = model
        self._differences = differences
        self._walked = _start(place)
        self._set_aside: dict[int, SetAside] = {}

    async def run(self) -> AsyncIterator[int]:
        """Yields numbers of records as they are read, and again as they are compared."""
        async with read_snapshot(self._connection, self._model):
            near = await self._find_position()
        with LogCopy(*self._place, records=near.next_offset) as copy:
            async for count in self._walk(copy, min(near.next_offset, self._end)):
                yield count
            async with read_snapshot(self._connection, self._model):
                async for count in self._compare(copy):
                    yield count

    async def _compare(self, copy: LogCopy) -> AsyncIterator[int]:
        """Within a snapshot."""
        position = await self._find_position()
        ends = await self._log.find_ends([self._topic])
        async for count in self._walk(copy, min(position.next_offset, ends[self._place])):
            yield count
        self._compare_position(position)
        self._set_aside = await find_set_aside(self._connection, *self._place)
        if self._topic == STOCK_EVENTS:
            self._figures = await open_figures_check(
                self._connection,
                self._partition,
                differences=self._differences,
                records=self._records,
            )
            self.tally.unsettled = self._figures is None
        owners = await self._find_owners(copy.buckets)
        for bucket in range(copy.buckets):
            slices = min(MOST_SLICES, copy.counts[bucket] // self._slice_records)
            if slices > 1 and self._topic == STOCK_EVENTS:
                letters = await self._compare_slices(copy, bucket, slices, owners[bucket])
            else:
                letters = await self._compare_bucket(copy, bucket, owners[bucket])
            rows = list_letters(letters)["dead_letter"]
            await self._compare_table(DEAD_LETTER, rows, *self._place, copy.buckets, bucket)
            copy.empty(bucket)
            yield copy.counts[bucket]

    async def _walk(self, copy: LogCopy, stop: int) -> AsyncIterator[int]:
        """Copy the records up to `stop`, and chain their digests."""
        walked = self._walked
        async for records in self._log.read({self._place: walked.next_offset}, {self._place: stop}):
            for record in records:
                if record.offset != walked.next_offset:
                    raise Corrupt(
                        f"records {walked.next_offset} to {record.offset - 1} are missing in "
                        f"partition {self._partition} of {self._topic}"
                    )
                walked.advance(record)
                copy.add(record)
            self.tally.records += len(records)
            yield len(records)

    async def _find_position(self) -> Position:
        row = await self._connection.fetchrow(FIND_POSITION, *self._place)
        return Position(**row) if row else _start(self._place)

    def _compare_position(self, stored: Position) -> None:
        walked = self._walked
        wrong = [
            name
            for name in ("next_offset", "recorded_at", "record_digest", "chain_digest")
            if getattr(stored, name) != getattr(walked, name)
        ]
        if wrong:
            self._differences.add(
                f"position ({self._topic}, partition {self._partition}, next_offset "
                f"{stored.next_offset}): {', '.join(wrong)} not as the log has it"
            )

    async def _find_owners(self, buckets: int) -> list[list[Any]]:
        """For each bucket what selects its rows, those of which the log knows nothing included."""
        owners: list[list[Any]] = [[] for _ in range(buckets)]
        named = self._list_records() if self._topic == REFERENCE else self._list_places()
        async for key, owner in named:
            owners[bucket_of(key.encode(), buckets)].append(owner)
        return owners

    async def _list_places(self) -> AsyncIterator[tuple[str, Any]]:
        """(key, what selects the rows) of each facility or place of alerts in this partition."""
        of_all = self._log.partitions[self._topic]
        for key, owner in await self._connection.fetch(
            FIND_FACILITIES if self._topic == STOCK_EVENTS else FIND_PLACES
        ):
            if partition_for(key, of_all) == self._partition:
                yield key, owner

    async def _list_records(self) -> AsyncIterator[tuple[str, Any]]:
        for table in REFERENCE_TABLES:
            kind = table.name.removesuffix("_record")
            for (id_,) in await self._connection.fetch(
                f"SELECT DISTINCT {table.key[0]} FROM {table.name}"
            ):
                yield f"{kind}:{id_}", (table.name, id_)

    def _read_bucket(self, copy: LogCopy, bucket: int) -> Iterator[Item]:
        records = copy.read(bucket)
        while read := list(islice(records, DECODED_RECORDS)):
            batch = RecordBatch(self._topic, self._partition, 0, [record for record, _ in read])
            items = decode_batch(batch).items
            for item, (_, recorded_at) in zip(items, read, strict=True):
                item.recorded_at = recorded_at
            yield from items

    async def _compare_slices(
        self, copy: LogCopy, bucket: int, slices: int, owners: Sequence[int]
    ) -> list[DeadLetter]:
        letters = []
        taken: set[int] = set()
        with closing(
            SlicedCheck(
                self._place,
                slices,
                connection=self._connection,
                differences=self._differences,
                figures=self._figures,
                facility_nos=owners,
                set_aside=taken.__contains__,
            )
        ) as check:
            for item in self._read_bucket(copy, bucket):
                letter = self._letter(item)
                if letter is not None:
                    letters.append(letter)
                if isinstance(item, Arrival) and (letter is None or letter.kind == "failed"):
                    if letter is not None:
                        taken.add(item.record.offset)
                    check.add(item)
            return letters + await check.compare(self._count)

    async def _compare_bucket(
        self, copy: LogCopy, bucket: int, owners: Sequence[Any]
    ) -> list[DeadLetter]:
        expected, letters, ledger = self._expect(list(self._read_bucket(copy, bucket)))
        if ledger is not None:
            for table in FACILITY_TABLES:
                await self._compare_table(table, expected[table.name], owners)
            if self._figures is not None:
                await self._figures.compare(ledger, owners)
        elif self._topic == ALERT_EVENTS:
            for table in ALERT_TABLES:
                await self._compare_table(table, expected[table.name], owners)
        else:
            for table in REFERENCE_TABLES:
                ids = [id_ for name, id_ in owners if name == table.name]
                await self._compare_table(table, expected[table.name], ids)
        return letters

    def _expect(
        self, items: Sequence[Item]
    ) -> tuple[dict[str, Rows], list[DeadLetter], Ledger | None]:
        """The rows that a bucket's records give, the letters of those that give none, and what
        events add up to.
        """
        letters = [letter for item in items if (letter := self._letter(item)) is not None]
        apart = {letter.record.offset for letter in letters}
        if self._topic != STOCK_EVENTS:
            applied = [item for item in items if item.record.offset not in apart]
            if self._topic == ALERT_EVENTS:
                rows, refused = list_alert_rows(a for a in applied if isinstance(a, AlertArrival))
                letters += map(conflicting_statement, refused)
            else:
                rows = list_records(a for a in applied if isinstance(a, ReferenceArrival))
            return rows, letters, None
        arrivals = {a.record.offset: a for a in items if isinstance(a, Arrival)}
        taken = {letter.record.offset for letter in letters if letter.kind == "failed"}
        ledger = fold(
            as_recorded(arrival, set_aside=offset in taken)
            for offset, arrival in arrivals.items()
            if offset in taken or offset not in apart
        )
        self._count(ledger)
        letters += [conflict(arrivals[record.log_offset]) for record in ledger.conflicts]
        return list_rows(ledger), letters, ledger

    def _letter(self, item: Item) -> DeadLetter | None:
        """The letter of a record that can't be applied, or that was set aside."""
        record, at = item.record, item.recorded_at
        aside = self._set_aside.get(record.offset)
        if isinstance(item, Undecoded) and item.kind == "undecodable":
            return DeadLetter(record, at, item.kind, item.reason)
        if aside is not None and aside.kind != "failed":
            return DeadLetter(record, at, aside.kind, aside.reason)
        if aside is not None or isinstance(item, Undecoded):
            return failed(record, at, aside.reason if aside else "")
        return None

    def _count(self, ledger: Ledger) -> None:
        for record in ledger.events.values():
            if record.log_offset < self._end:
                self.tally.events += 1
                self.tally.lines += len(list_entries(record.event))

    async def _compare_table(self, table: Table, expected: Rows, *arguments: Any) -> None:
        await self._differences.compare(
            table.name,
            table.key,
            table.values,
            expected=expected,
            stored=table.rows(self._connection, *arguments),
        )


@asynccontextmanager
async def read_snapshot(
    connection: "asyncpg.Connection[Any]", model: int | None
) -> AsyncIterator[None]:
    """One state of a read model (default: the live one), for as long as it takes."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        number = model or await connection.fetchval("SELECT number FROM dawalog.live_model")
        await connection.execute(f"SET LOCAL search_path = {model_schema(number)}")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


def _start(place: tuple[str, int]) -> Position:
    return Position(*place, 0, 0, None, None, b"")
