"""A bucket that is too large to be folded at once, compared slice by slice.

A district hospital makes a million lines a year, and a facility has one bucket. The definition
stays what it is and is given less: first the events of some ids, then all events of some items,
with what these need to know of the others (what is reversed, the first complete count, when the
facility was last heard of) found beforehand. What is said of a facility as a whole is added up.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import asyncpg

from projections.arrivals import Arrival, decode_arrival
from projections.dead_letters import DeadLetter, conflict
from projections.definition import NOTHING, Ledger, Recorded, fold
from projections.definition_figures import facility_state, list_item_figures, sum_patients
from projections.definition_places import Whole, find_whole, split_ledger
from projections.definition_rows import (
    Rows,
    as_recorded,
    list_activity,
    list_card_rows,
    list_event_rows,
)
from projections.differences import Differences
from projections.entries import list_items, reversed_event_id
from projections.figures_check import FiguresCheck, Standing
from projections.log_copy import RecordFiles
from projections.slices import (
    ACTIVITY,
    CARD_TABLES,
    EVENT_TABLES,
    ITEM_FIGURE_TABLES,
    NO_ITEM,
    WHOLE_FIGURE_TABLES,
    about_items,
    slice_of_event,
)
from projections.tables import Table


class SlicedCheck:
    """Takes the events of a bucket, and then compares its rows. To be closed.

    Args:
        facility_nos: whose rows are in the bucket.
        set_aside: whether our code failed to apply the record at an offset.
        figures: None if they can't be compared now.
    """

    def __init__(
        self,
        place: tuple[str, int],
        slices: int,
        *,
        connection: "asyncpg.Connection[Any]",
        differences: Differences,
        figures: FiguresCheck | None,
        facility_nos: Sequence[int],
        set_aside: Callable[[int], bool],
    ) -> None:
        self._slices = slices
        self._connection = connection
        self._differences = differences
        self._figures = figures
        self._facility_nos = facility_nos
        self._set_aside = set_aside
        self._files = ExitStack()
        self._by_event = self._files.enter_context(RecordFiles(*place, slices))
        self._by_item = self._files.enter_context(RecordFiles(*place, slices))
        self._ids: dict[tuple[str, int], bytearray] = {}
        """The ids of all events, by facility and slice: of two with one id only the first reverses
        anything. 16 bytes each, where a set of them would take 100."""
        self._reversals: dict[tuple[str, str], datetime] = {}
        self._activity: Rows = {}
        self._patients: Rows = {}
        self._wholes: dict[str, Whole] = {}
        self._standing: Standing = {}
        self._item_nos: dict[str, int] = {}

    def close(self) -> None:
        self._files.close()

    def add(self, arrival: Arrival) -> None:
        """Those of one facility come in log order."""
        event = arrival.event
        number = slice_of_event(event.event_id, self._slices)
        self._by_event.write(arrival.record, arrival.record.timestamp, [number])
        ids = self._ids.setdefault((event.facility_id, number), bytearray())
        target = reversed_event_id(event)
        if (
            target is not None
            and not self._set_aside(arrival.record.offset)
            and not _has_id(ids, arrival.event_id.bytes)
        ):
            key, at = (event.facility_id, target), arrival.recorded_at
            self._reversals[key] = min(at, self._reversals.get(key, at))
        ids += arrival.event_id.bytes

    async def compare(self, count: Callable[[Ledger], None]) -> list[DeadLetter]:
        """Compare all rows. `count` is told of every event once; returns the conflicts."""
        self._item_nos = dict(
            await self._connection.fetch("SELECT item_id, item_no FROM item_number")
        )
        if self._figures is not None:
            self._standing = await self._figures.find_standing(self._facility_nos)
        self._ids.clear()
        letters: list[DeadLetter] = []
        for number in range(self._slices):
            letters += await self._compare_events(number, count)
        states: Rows = {}
        for number in range(self._slices):
            states |= await self._compare_items(number)
        await self._compare_wholes(states)
        return letters

    async def _compare_events(
        self, number: int, count: Callable[[Ledger], None]
    ) -> list[DeadLetter]:
        arrivals = {a.record.offset: a for a in self._read(self._by_event, number)}
        ledger = fold(
            [self._record(arrival, with_body=True) for arrival in arrivals.values()],
            reversals=self._reversals,
            takes=_no_item,
        )
        count(ledger)
        self._add_up(ledger)
        rows = list_event_rows(ledger)
        for table in EVENT_TABLES:
            await self._compare_table(table, rows[table.name], self._slices, number)
        for record in ledger.events.values():
            arrival = arrivals[record.log_offset]
            slices = {self._slice_of_item(item_id) for item_id in list_items(record.event)}
            self._by_item.write(arrival.record, arrival.record.timestamp, slices)
        self._by_event.empty(number)
        return [conflict(arrivals[record.log_offset]) for record in ledger.conflicts]

    def _add_up(self, ledger: Ledger) -> None:
        for key, (last, ahead, first) in list_activity(ledger).items():
            known = self._activity.get(key, (last, ahead, first))
            self._activity[key] = (
                max(last, known[0]),
                max(ahead, known[1]),
                min(first, known[2]),
            )
        if self._figures is None:
            return
        for facility_id, own in split_ledger(ledger).items():
            place = self._figures.place(facility_id, self._standing, own)
            for day, served in sum_patients(place).items():
                known = self._patients.get(day, (0, 0, 0))
                self._patients[day] = tuple(a + b for a, b in zip(known, served, strict=True))
            one, other = find_whole(place), self._wholes.get(facility_id, Whole())
            counted_at = [at for at in (one.counted_at, other.counted_at) if at is not None]
            heard_at = [at for at in (one.heard_at, other.heard_at) if at is not None]
            self._wholes[facility_id] = Whole(
                min(counted_at, default=None), max(heard_at, default=None)
            )

    async def _compare_items(self, number: int) -> Rows:
        """Returns the items' states."""

        takes = self._items_of_slice(number)
        ledger = fold(
            (
                self._record(arrival)._replace(event=about_items(arrival.event, takes))
                for arrival in self._read(self._by_item, number)
            ),
            reversals=self._reversals,
            takes=takes,
        )
        self._by_item.empty(number)
        rows = list_card_rows(ledger)
        for table in CARD_TABLES:
            await self._compare_table(table, rows.pop(table.name), self._slices, number)
        if self._figures is None:
            return {}
        expected: dict[str, Rows] = {table.name: {} for table in ITEM_FIGURE_TABLES}
        ledgers = split_ledger(ledger)
        for facility_id in self._wholes.keys() | self._standing.keys():
            place = self._figures.place(
                facility_id,
                self._standing,
                ledgers.get(facility_id, NOTHING),
                takes=takes,
                whole=self._wholes.get(facility_id, Whole()),
            )
            figures = list_item_figures(place)
            for name, rows_of_all in expected.items():
                rows_of_all.update(figures[name])
        states = dict(expected["item_state"])
        for table in ITEM_FIGURE_TABLES:
            await self._compare_table(table, expected[table.name], self._slices, number)
        return states

    async def _compare_wholes(self, states: Rows) -> None:
        await self._compare_table(ACTIVITY, self._activity)
        if self._figures is None:
            return
        expected: dict[str, Rows] = {"patient_day": self._patients, "facility_state": {}}
        for facility_id in self._wholes.keys() | self._standing.keys():
            whole = self._wholes.get(facility_id, Whole())
            place = self._figures.place(facility_id, self._standing, NOTHING, whole=whole)
            own = {key: state for key, state in states.items() if key[0] == facility_id}
            expected["facility_state"][facility_id,] = facility_state(place, own, self._patients)
        for table in WHOLE_FIGURE_TABLES:
            await self._compare_table(table, expected[table.name])

    def _slice_of_item(self, item_id: str) -> int:
        """As `projections.slices.OF_ITEM` has it; rows of an item without a number are missing."""
        return self._item_nos.get(item_id, 0) % self._slices

    def _items_of_slice(self, number: int) -> Callable[[str], bool]:
        own = {item_id for item_id in self._item_nos if self._slice_of_item(item_id) == number}
        if number:
            return own.__contains__  # asked of each line: a function of ours would be dear
        others = {NO_ITEM, *self._item_nos} - own
        return lambda item_id: item_id not in others

    def _read(self, files: RecordFiles, number: int) -> Iterator[Arrival]:
        for record, recorded_at in files.read(number):
            arrival = decode_arrival(record)
            arrival.recorded_at = recorded_at
            yield arrival

    def _record(self, arrival: Arrival, *, with_body: bool = False) -> Recorded:
        set_aside = self._set_aside(arrival.record.offset)
        return as_recorded(arrival, set_aside=set_aside, with_body=with_body)

    async def _compare_table(self, table: Table, expected: Rows, *arguments: Any) -> None:
        stored = table.rows(self._connection, self._facility_nos, *arguments)
        await self._differences.compare(table, expected=expected, stored=stored)


def _has_id(ids: bytearray, event_id: bytes) -> bool:
    at = ids.find(event_id)
    while at % len(event_id) > 0 and at >= 0:  # the end of one and the beginning of the next
        at = ids.find(event_id, at + 1)
    return at >= 0


def _no_item(_item_id: str) -> bool:
    return False
