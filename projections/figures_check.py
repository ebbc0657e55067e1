"""Figures against their definition, for one partition, in a snapshot of the read model.

They are compared where they stand: each facility on the day on which it was evaluated, with the
reference records that its partition has taken up. While some wait to be taken up, or facilities are
marked, nothing can be said; `is_settled` tells.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeAlias

import asyncpg

from projections.decoding import decode_batch
from projections.definition import NOTHING, Ledger, every_item
from projections.definition_figures import list_figures
from projections.definition_places import Place, Whole, split_ledger
from projections.definition_rows import Rows
from projections.differences import Differences
from projections.figures.days import india_today
from projections.figures.states import STATUSES
from projections.log_reading import LogReader
from projections.positions import Position
from projections.reference import ReferenceArrival
from projections.reference_book import ReferenceBook, Version
from projections.tables import FIGURE_TABLES
from stream.batches import RecordBatch
from stream.reference import LoggedDecision
from stream.topics import REFERENCE

IS_SETTLED: Final = f"""
SELECT coalesce((SELECT next_offset FROM position WHERE topic = '{REFERENCE}'), 0)
       <= coalesce((SELECT reference_offset FROM reference_taken WHERE partition = $1), 0)
   AND NOT EXISTS (SELECT FROM facility_state WHERE partition = $1 AND due)
"""

# Whoever has taken up what isn't there yet takes up nothing that comes.
FIND_TAKEN_AHEAD: Final = f"""
SELECT partition, reference_offset, next_offset FROM reference_taken CROSS JOIN (
    SELECT coalesce(max(next_offset), 0) AS next_offset FROM position WHERE topic = '{REFERENCE}'
) AS projected WHERE reference_offset > next_offset ORDER BY partition
"""

FIND_PLACES: Final = """
SELECT facility_id, partition, evaluated_on
FROM facility_state JOIN facility_number USING (facility_no) WHERE facility_no = ANY ($1::int[])
"""

FIND_APART: Final = f"SELECT log_offset FROM dead_letter WHERE topic = '{REFERENCE}'"

_KEY: Final = "scope, place, item_no, partition"
_SUMS: Final = ", ".join(f"items_{status}" for status in STATUSES) + ", expiring_paise"

# What the items say of the roll-ups, beside what these say.
WRONG_TALLIES: Final = f"""
WITH told AS (
    SELECT {_KEY}, {
    ", ".join(
        f"count(*) FILTER (WHERE tallied_as = '{status}') AS items_{status}" for status in STATUSES
    )
}, sum(state.expiring_paise) AS expiring_paise
    FROM item_state AS state JOIN facility_state AS facility USING (facility_no)
    CROSS JOIN LATERAL (
        VALUES ('district', district_id), ('level', level)) AS place (scope, place)
    WHERE place IS NOT NULL AND (tallied_as IS NOT NULL OR state.expiring_paise <> 0)
    GROUP BY {_KEY}
), kept AS (
    SELECT {_KEY}, {_SUMS} FROM item_tally
    WHERE {" OR ".join(f"{name} <> 0" for name in _SUMS.split(", "))}
)
SELECT DISTINCT {_KEY}
FROM ((TABLE told EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE told)) AS wrong
"""


Standing: TypeAlias = Mapping[str, tuple[int, date]]
"""facility_id → its partition, and the day on which it was evaluated."""


class RecordsReader:
    """All reference records, read once from the log and on where it grew."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._walked = Position(REFERENCE, 0, 0, 0, None, None, b"")
        self._versions: list[Version] = []

    async def read_until(self, stop: int, apart: Collection[int]) -> ReferenceBook:
        """The book of the records before `stop`, without those that are set `apart`."""
        place = (REFERENCE, 0)
        stop = min(stop, (await self._log.find_ends([REFERENCE]))[place])
        if stop > self._walked.next_offset:
            starts = {place: self._walked.next_offset}
            async for records in self._log.read(starts, {place: stop}):
                items = decode_batch(RecordBatch(REFERENCE, 0, 0, records)).items
                for item in items:
                    item.recorded_at = self._walked.advance(item.record)
                    if isinstance(item, ReferenceArrival):
                        self._add(item)
        return ReferenceBook.of(
            version
            for version in self._versions
            if version.log_offset < stop and version.log_offset not in apart
        )

    def _add(self, arrival: ReferenceArrival) -> None:
        reference = arrival.reference
        if not isinstance(reference, LoggedDecision):
            valid_from = reference.valid_from or arrival.recorded_at
            self._versions.append(Version(valid_from, arrival.record.offset, reference))


class FiguresCheck:
    """Made in the snapshot in which the partition's rows are compared."""

    def __init__(
        self,
        connection: "asyncpg.Connection[Any]",
        partition: int,
        differences: Differences,
        book: ReferenceBook,
    ) -> None:
        self._connection = connection
        self._partition = partition
        self._differences = differences
        self._book = book

    async def find_standing(self, facility_nos: Sequence[int]) -> Standing:
        return {
            row["facility_id"]: (row["partition"], row["evaluated_on"])
            for row in await self._connection.fetch(FIND_PLACES, facility_nos)
        }

    def place(
        self,
        facility_id: str,
        standing: Standing,
        own: Ledger,
        *,
        takes: Callable[[str], bool] = every_item,
        whole: Whole | None = None,
    ) -> Place:
        """As it must be where it stands, by its `own` events."""
        partition, day = standing.get(facility_id, (self._partition, india_today()))
        return Place(facility_id, partition, day, own, self._book, takes, whole)

    async def compare(self, ledger: Ledger, facility_nos: Sequence[int]) -> None:
        """Compare the figures of these facilities; `ledger` has all their events."""
        ledgers = split_ledger(ledger)
        standing = await self.find_standing(facility_nos)
        expected: dict[str, Rows] = {table.name: {} for table in FIGURE_TABLES}
        for facility_id in ledgers.keys() | standing.keys():
            place = self.place(facility_id, standing, ledgers.get(facility_id, NOTHING))
            for name, rows in list_figures(place).items():
                expected[name] |= rows
        for table in FIGURE_TABLES:
            await self._differences.compare(
                table,
                expected=expected[table.name],
                stored=table.rows(self._connection, facility_nos),
            )


async def open_figures_check(
    connection: "asyncpg.Connection[Any]",
    partition: int,
    *,
    differences: Differences,
    records: RecordsReader,
) -> FiguresCheck | None:
    """None while figures of the partition are still to be told anew."""
    if not await connection.fetchval(IS_SETTLED, partition):
        return None
    stop = await connection.fetchval(
        f"SELECT coalesce(max(next_offset), 0) FROM position WHERE topic = '{REFERENCE}'"
    )
    apart = {row[0] for row in await connection.fetch(FIND_APART)}
    book = await records.read_until(stop, apart)
    return FiguresCheck(connection, partition, differences, book)


async def compare_taken(connection: "asyncpg.Connection[Any]", differences: Differences) -> None:
    """Up to where partitions took reference records up, against the records that there are.

    What is behind isn't settled, and will be.
    """
    for partition, taken, projected in await connection.fetch(FIND_TAKEN_AHEAD):
        differences.add(
            f"reference_taken (partition {partition}): reference_offset is {taken} and must be "
            f"{projected} at most"
        )


async def compare_tallies(connection: "asyncpg.Connection[Any]", differences: Differences) -> None:
    """The roll-ups against the items that they count."""
    for scope, place, item_no, partition in await connection.fetch(WRONG_TALLIES):
        differences.add(
            f"item_tally (scope {scope}, place {place}, item {item_no}, partition {partition}): "
            "not what its items add up to"
        )
