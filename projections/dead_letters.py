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

FIND_UNAPPLIED: Final = """
SELECT log_offset, reason, facility_id, event_id FROM dead_letter
WHERE topic = $1 AND partition = $2 AND kind = 'failed'
"""


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


async def find_unapplied(
    connection: "asyncpg.Connection[Any]", topic: str, partition: int
) -> dict[int, asyncpg.Record]:
    """log_offset → reason, facility_id and event_id of the records that our code failed to apply.

    They are no part of the figures. Which ones failed can't be told from the log.
    """
    rows = await connection.fetch(FIND_UNAPPLIED, topic, partition)
    return {row["log_offset"]: row for row in rows}


async def put_dead_letters(
    connection: "asyncpg.Connection[Any]", letters: Sequence[DeadLetter]
) -> None:
    """Write the letters within the caller's transaction."""
    await connection.copy_records_to_table(
        "dead_letter", columns=COLUMNS, records=[dead_letter_row(letter) for letter in letters]
    )


def dead_letter_row(letter: DeadLetter) -> tuple[Any, ...]:
    """The letter's values of `COLUMNS`; `headers` as JSON text."""
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
