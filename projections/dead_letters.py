"""Records that could not be applied, kept as they stand in the log, with the reason."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from projections.arrivals import Arrival
from stream.batches import LogRecord

Kind = Literal["undecodable", "conflict", "failed"]

COLUMNS: Final = (
    "topic",
    "partition",
    "log_offset",
    "kind",
    "reason",
    "facility_id",
    "event_id",
    "recorded_at",
    "record_key",
    "record_value",
    "headers",
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`facility_id` and `event_id` where the record could be decoded."""

    record: LogRecord
    recorded_at: datetime
    kind: Kind
    reason: str
    facility_id: str | None = None
    event_id: UUID | None = None


def conflict(arrival: Arrival) -> DeadLetter:
    """The letter of an event whose id was recorded before with other content."""
    return DeadLetter(
        arrival.record,
        arrival.recorded_at,
        "conflict",
        "an event with this id and other content was recorded before; the first one stands",
        arrival.event.facility_id,
        arrival.event_id,
    )


async def put_dead_letters(
    connection: "asyncpg.Connection[Any]", letters: Sequence[DeadLetter]
) -> None:
    """Write the letters within the caller's transaction."""
    await connection.copy_records_to_table(
        "dead_letter", columns=COLUMNS, records=[_row(letter) for letter in letters]
    )


def _row(letter: DeadLetter) -> tuple[Any, ...]:
    record = letter.record
    headers = [[name, b64encode(value or b"").decode()] for name, value in record.headers]
    return (
        record.topic,
        record.partition,
        record.offset,
        letter.kind,
        _printable(letter.reason),
        letter.facility_id,
        letter.event_id,
        letter.recorded_at,
        record.key,
        record.value,
        _printable(orjson.dumps(headers).decode()),
    )


def _printable(text: str) -> str:
    """Postgres holds no NUL in text, nor lone surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").replace("\\u0000", "\\ufffd")
