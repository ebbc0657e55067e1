"""One partition's rows against those that the definition gives for its records.

The records are copied to disk first; then one snapshot of the read model is taken, the copy goes on
to exactly where the snapshot stands, and bucket by bucket is folded and compared in it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, Final

import asyncpg

from projections.bucket_check import BucketCheck, Tally
from projections.dead_letters import find_set_aside
from projections.decoding import Item, decode_batch
from projections.definition_rows import list_letters
from projections.differences import Differences
from projections.figures_check import FiguresCheck, RecordsReader, open_figures_check
from projections.log_copy import LogCopy, bucket_of
from projections.log_reading import LogReader
from projections.positions import Position
from projections.schema import model_schema
from projections.slices import MOST_SLICES
from projections.sorting_out import put_right
from projections.tables import DEAD_LETTER, REFERENCE_TABLES
from stream.batches import RecordBatch
from stream.errors import Corrupt
from stream.topics import REFERENCE, STOCK_EVENTS, partition_for

FIND_POSITION = """
SELECT topic, partition, next_offset, epoch, recorded_at, record_digest, chain_digest
FROM position WHERE topic = $1 AND partition = $2
"""

DECODED_RECORDS: Final = 1_000
"""So many records are decoded at a time."""

FIND_FACILITIES = "SELECT facility_id, facility_no FROM facility_number"
FIND_PLACES = "SELECT place, place FROM alert UNION SELECT place, place FROM alert_event"


class PartitionCheck:
    """Compares one partition.

    Args:
        end: where the log ended when the verification began; what came later is compared too,
            but not counted.
        slice_bytes: a bucket of facilities whose records take more than twice that is divided into
            slices of about so many.
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
        slice_bytes: int,
    ) -> None:
        self.tally = Tally()
        self._records = records
        self._slice_bytes = slice_bytes
        self._topic, self._partition = self._place = place
        self._end = end
        self._connection = connection
        self._log = log
        self._model = model
        self._differences = differences
        self._walked = _start(place)

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
        check = BucketCheck(
            place=self._place,
            end=self._end,
            connection=self._connection,
            differences=self._differences,
            set_aside=await find_set_aside(self._connection, *self._place),
            figures=await self._open_figures(),
            tally=self.tally,
        )
        owners = await self._find_owners(copy.buckets)
        for bucket in range(copy.buckets):
            items = self._read_bucket(copy, bucket)
            slices = min(MOST_SLICES, copy.sizes[bucket] // self._slice_bytes)
            if slices > 1 and self._topic == STOCK_EVENTS:
                letters = await check.compare_in_slices(items, owners[bucket], slices)
            else:
                letters = await check.compare(items, owners[bucket])
            await self._differences.compare(
                DEAD_LETTER,
                expected=list_letters(letters)["dead_letter"],
                stored=DEAD_LETTER.rows(self._connection, *self._place, copy.buckets, bucket),
            )
            copy.empty(bucket)
            yield copy.counts[bucket]

    async def _open_figures(self) -> FiguresCheck | None:
        if self._topic != STOCK_EVENTS:
            return None
        figures = await open_figures_check(
            self._connection,
            self._partition,
            differences=self._differences,
            records=self._records,
        )
        self.tally.unsettled = figures is None
        return figures

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
                yield put_right(item, self._log.partitions[STOCK_EVENTS])


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
