"""One bucket's rows against those that the definition gives for its records.

A bucket has whole facilities (or places of alerts, or reference records of some ids), so its rows
depend on nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg

from projections.alerts import AlertArrival
from projections.arrivals import Arrival
from projections.dead_letters import (
    DeadLetter,
    SetAside,
    conflict,
    conflicting_statement,
    failed,
)
from projections.decoding import Item, Undecoded
from projections.definition import Ledger, fold
from projections.definition_rows import (
    Rows,
    as_recorded,
    list_alert_rows,
    list_records,
    list_rows,
)
from projections.differences import Differences
from projections.entries import list_entries
from projections.figures_check import FiguresCheck
from projections.reference import ReferenceArrival
from projections.sliced_check import SlicedCheck
from projections.tables import ALERT_TABLES, FACILITY_TABLES, REFERENCE_TABLES, Table
from stream.topics import ALERT_EVENTS, STOCK_EVENTS


@dataclass(slots=True)
class Tally:
    """What was compared: distinct applied events and their lines."""

    events: int = 0
    lines: int = 0
    records: int = 0
    unsettled: bool = False
    """Its figures were still to be told anew, and so aren't compared."""


@dataclass(frozen=True, kw_only=True)
class BucketCheck:
    """Compares bucket after bucket of one partition, in a snapshot of the read model.

    `set_aside`: of what offsets our code failed to apply the record, or an operator discarded it.
    `figures`: None if they can't be compared now. What is recorded from `end` on isn't counted.
    """

    place: tuple[str, int]
    end: int
    connection: "asyncpg.Connection[Any]"
    differences: Differences
    set_aside: Mapping[int, SetAside]
    figures: FiguresCheck | None
    tally: Tally

    async def compare(self, items: Iterable[Item], owners: Sequence[Any]) -> list[DeadLetter]:
        """At once; returns the letters that must be there.

        Args:
            owners: what selects the bucket's rows.
        """
        items = list(items)
        letters = [letter for item in items if (letter := self._letter(item)) is not None]
        topic, _ = self.place
        if topic == STOCK_EVENTS:
            return letters + await self._compare_facilities(items, letters, owners)
        apart = {letter.record.offset for letter in letters}
        applied = [item for item in items if item.record.offset not in apart]
        if topic == ALERT_EVENTS:
            expected, refused = list_alert_rows(a for a in applied if isinstance(a, AlertArrival))
            letters += map(conflicting_statement, refused)
            for table in ALERT_TABLES:
                await self._compare_table(table, expected, owners)
        else:
            expected = list_records(a for a in applied if isinstance(a, ReferenceArrival))
            for table in REFERENCE_TABLES:
                ids = [id_ for name, id_ in owners if name == table.name]
                await self._compare_table(table, expected, ids)
        return letters

    async def compare_in_slices(
        self, items: Iterator[Item], owners: Sequence[int], slices: int
    ) -> list[DeadLetter]:
        """As `compare`, of facilities whose events are too many to be folded at once."""
        letters = []
        taken: set[int] = set()
        with closing(
            SlicedCheck(
                self.place,
                slices,
                connection=self.connection,
                differences=self.differences,
                figures=self.figures,
                facility_nos=owners,
                set_aside=taken.__contains__,
            )
        ) as check:
            for item in items:
                letter = self._letter(item)
                if letter is not None:
                    letters.append(letter)
                if isinstance(item, Arrival) and _takes_its_id(letter):
                    if letter is not None:
                        taken.add(item.record.offset)
                    check.add(item)
            return letters + await check.compare(self._count)

    async def _compare_facilities(
        self, items: Sequence[Item], letters: Sequence[DeadLetter], owners: Sequence[int]
    ) -> list[DeadLetter]:
        """Returns the conflicts."""
        known = {letter.record.offset: letter for letter in letters}
        arrivals = {
            item.record.offset: item
            for item in items
            if isinstance(item, Arrival) and _takes_its_id(known.get(item.record.offset))
        }
        ledger = fold(
            as_recorded(arrival, set_aside=offset in known) for offset, arrival in arrivals.items()
        )
        self._count(ledger)
        expected = list_rows(ledger)
        for table in FACILITY_TABLES:
            await self._compare_table(table, expected, owners)
        if self.figures is not None:
            await self.figures.compare(ledger, owners)
        return [conflict(arrivals[record.log_offset]) for record in ledger.conflicts]

    def _letter(self, item: Item) -> DeadLetter | None:
        """The letter of a record that can't be applied, or that was set aside."""
        record, at = item.record, item.recorded_at
        aside = self.set_aside.get(record.offset)
        if isinstance(item, Undecoded) and item.kind == "undecodable":
            return DeadLetter(record, at, item.kind, item.reason)
        if aside is not None and aside.kind != "failed":
            return DeadLetter(record, at, aside.kind, aside.reason)
        if aside is not None or isinstance(item, Undecoded):
            return failed(record, at, aside.reason if aside else "")
        return None

    def _count(self, ledger: Ledger) -> None:
        for record in ledger.events.values():
            if record.log_offset < self.end:
                self.tally.events += 1
                self.tally.lines += len(list_entries(record.event))

    async def _compare_table(
        self, table: Table, expected: Mapping[str, Rows], owners: Sequence[Any]
    ) -> None:
        await self.differences.compare(
            table,
            expected=expected[table.name],
            stored=table.rows(self.connection, owners),
        )


def _takes_its_id(letter: DeadLetter | None) -> bool:
    """An event that is applied does, and one that our code failed to apply."""
    return letter is None or letter.kind == "failed"
