"""An event on its way from the log into the read model."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asyncpg.pgproto import pgproto

from projections.entries import Entry, list_entries
from stream.batches import LogRecord
from stream.codec import content_sha256, current_body, decode_event
from stream.events import StockEvent


@dataclass(slots=True)
class Arrival:
    """A decoded event. The last three fields are set when its turn comes."""

    record: LogRecord
    event: StockEvent
    event_id: UUID
    content_sha256: bytes
    entries: list[Entry]
    recorded_at: datetime = field(init=False)
    facility_no: int = field(init=False)
    reversed_at: datetime | None = None

    @property
    def body(self) -> str:
        """The record's value, JSON, in its type's newest version."""
        assert self.record.value is not None
        return str(current_body(self.record.value, self.record.headers), "utf-8")


def decode_arrival(record: LogRecord) -> Arrival:
    """Raises `Undecodable` or `NewerSchema` as `decode_event`."""
    event = decode_event(record.key, record.value, record.headers)
    return Arrival(
        record=record,
        event=event,
        event_id=pgproto.UUID(event.event_id),
        content_sha256=content_sha256(record.headers),
        entries=list_entries(event),
    )
