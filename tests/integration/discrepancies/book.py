"""A facility's book on a real Postgres: posted events are projected as a worker would."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg

from projections.decoding import decode_batch
from projections.discrepancies.listing import Discrepancy, State, list_discrepancies
from projections.lane import Lane
from projections.positions import Position
from projections.reading import ReadModel
from projections.reference import decode_reference_arrival, project_reference
from projections.settings import ReadingSettings
from stream.batches import RecordBatch
from stream.codec import encode_reference
from stream.keyring import KeyRing
from stream.posting import parse_reference
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.histories import make_record
from tests.records import raw_record

MORNING = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""09:30 at the facility, of the day on which all happens."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

Event = dict[str, Any]


def event_id(number: int) -> str:
    return str(UUID(int=number))


def event(number: int, kind: str, minute: float, **fields: Any) -> Event:
    """Event `number` at F1, so many minutes after `MORNING`."""
    return {
        "event_id": event_id(number),
        "type": kind,
        "facility_id": "F1",
        "occurred_at": (MORNING + timedelta(minutes=minute)).isoformat(),
        **fields,
    }


def line(quantity: int, lot: str | None = "A", item_id: str = "PCM", **fields: Any) -> Event:
    return {"item_id": item_id, "lot": lot, "quantity": quantity, **fields}


def receipt(number: int, minute: float, *lines: Event, **fields: Any) -> Event:
    return event(number, "stock_received", minute, lines=lines, **fields)


def dispense(number: int, minute: float, *lines: Event, **fields: Any) -> Event:
    return event(number, "medicine_dispensed", minute, channel="opd", lines=lines, **fields)


def count(
    number: int, minute: float, counted: int, lot: str | None = "A", *, complete: bool = False
) -> Event:
    lines = [{"item_id": "PCM", "lot": lot, "counted": counted}]
    return event(number, "stock_counted", minute, lines=lines, complete=complete)


def reversal(number: int, minute: float, reverses: int) -> Event:
    return event(number, "event_reversed", minute, reverses=event_id(reverses), reason="a slip")


@dataclass
class Book:
    connection: "asyncpg.Connection[Any]"
    model: ReadModel
    keys: KeyRing
    next_offset: int = 0
    next_reference: int = 0
    lane: Lane = field(init=False)

    @classmethod
    async def open(cls, url: str, folder: Path) -> Self:
        connection = await asyncpg.connect(url, server_settings={"search_path": "model_1"})
        await connection.execute(
            "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", STOCK_EVENTS
        )
        model = ReadModel(ReadingSettings(database_url=url))
        await model.start()
        book = cls(connection, model, KeyRing(folder / "keys.json", "RJ"))
        book.lane = Lane(connection, model=1, live=True, partitions=1, max_lines=6000)
        book.lane.positions[STOCK_EVENTS, 0] = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
        return book

    async def close(self) -> None:
        await self.model.stop()
        await self.connection.close()

    async def post(self, *events: Event, recorded_at: datetime | None = None) -> None:
        """Project events as one batch."""
        records = [
            make_record(event, offset=offset, keys=self.keys)
            for offset, event in enumerate(events, self.next_offset)
        ]
        if recorded_at is not None:
            stamp = int(recorded_at.timestamp() * 1000)
            records = [replace(record, timestamp=stamp) for record in records]
        self.next_offset += len(records)
        await self.lane.project([decode_batch(RecordBatch(STOCK_EVENTS, 0, 1, records))])

    async def register(self, record: dict[str, Any], at: datetime = EARLIEST) -> None:
        """Project a reference record, recorded at an instant."""
        posted = parse_reference(record)
        outgoing = encode_reference(posted, recorded_by="test", source="api")
        arrival = decode_reference_arrival(
            raw_record(
                self.next_reference,
                key=outgoing.key,
                value=outgoing.value,
                headers=outgoing.headers,
                topic=REFERENCE,
            )
        )
        self.next_reference += 1
        arrival.recorded_at = at
        await project_reference(self.connection, [arrival])

    async def register_item(self, item_id: str = "PCM", **fields: Any) -> None:
        await self.register(
            {"kind": "item", "item_id": item_id, "name": item_id, "base_unit": "tablet", **fields}
        )

    async def find(
        self,
        kind: str | None = None,
        state: State | None = None,
        facility_id: str = "F1",
        since: datetime = EARLIEST,
    ) -> Sequence[Discrepancy]:
        """Oldest first."""
        found = await list_discrepancies(
            self.model,
            scope="facility",
            scope_id=facility_id,
            kind=kind,
            state=state,
            since=since,
            until=LATEST,
            before=(LATEST, event_id(2**128 - 1)),
            limit=1000,
        )
        return found.entries[::-1] if found else []

    async def spans(self, kind: str) -> list[tuple[list[int], float, list[int], float | None]]:
        """(opened by, minute; closed by, minute) of the discrepancies of a kind, oldest first.

        Asked as open, as closed and together, which must agree.
        """
        found = await self.find(kind)
        parts = [*await self.find(kind, "open"), *await self.find(kind, "closed")]
        assert sorted(parts) == sorted(found)
        return [
            (
                [UUID(one).int for one in entry.opened_by],
                minute_of(entry.opened_at),
                [UUID(one).int for one in entry.closed_by or ()],
                None if entry.closed_at is None else minute_of(entry.closed_at),
            )
            for entry in found
        ]


def minute_of(instant: str) -> float:
    return (datetime.fromisoformat(instant) - MORNING).total_seconds() / 60
