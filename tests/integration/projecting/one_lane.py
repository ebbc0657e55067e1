"""One lane on a partition, and what it has made of the records."""

from collections.abc import Callable, Sequence
from itertools import count, islice
from typing import Any

import pytest

from projections import rows as writing
from projections.arrivals import Arrival
from projections.decoding import decode_batch
from projections.lane import Lane
from projections.positions import Position
from stream.batches import LogRecord, RecordBatch
from stream.topics import STOCK_EVENTS, partition_for
from tests.log_reading import Database, projected
from tests.pharmacy import Event, events_of
from tests.read_model import expected_rows, read_rows
from tests.stack import PARTITIONS

PARTITION = (STOCK_EVENTS, 0)


class OneLane:
    """A lane on partition 0, claimed under epoch 1."""

    def __init__(self, connection: Database) -> None:
        self.lane = Lane(connection, model=1, live=True, partitions=1, max_lines=6000)
        self.lane.positions[PARTITION] = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")

    async def project(self, *batches: RecordBatch) -> None:
        await self.lane.project([decode_batch(batch) for batch in batches])


def some_events(events: int, facility_id: str = "PHC-1") -> list[Event]:
    return list(islice(events_of(facility_id), events))


def facility_of(partition: int) -> str:
    """One whose records are in this partition of real topics."""
    return next(
        facility_id
        for facility_id in map("PHC-{}".format, count())
        if partition_for(facility_id, PARTITIONS) == partition
    )


async def dead_letters(database: Database) -> list[tuple[int, str]]:
    rows = await database.fetch("SELECT log_offset, kind FROM dead_letter ORDER BY log_offset")
    return [(row[0], row[1]) for row in rows]


async def assert_rows(database: Database, records: Sequence[LogRecord], next_offset: int) -> None:
    """The rows are those of these records, and the position is there."""
    assert await read_rows(database) == expected_rows(records)
    assert await projected(database) == {PARTITION: next_offset}


def break_for(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Arrival], Any]) -> None:
    """Let the making of an event's row go wrong, as `fault` says."""
    whole = writing._event_row

    def event_row(arrival: Arrival) -> Any:
        return fault(arrival) or whole(arrival)

    monkeypatch.setattr(writing, "_event_row", event_row)


def raising(error: Exception) -> Callable[[Arrival], Any]:
    def fault(arrival: Arrival) -> None:
        raise error

    return fault
