"""Records that could not be applied, kept as they stand in the log, with the reason.

A record that our own code failed to apply keeps the id of its event: what comes later with that id
is a repetition of it, or a conflict. So it makes no difference to any other record whether it is
applied at once, replayed later or discarded (decision 0007).
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from projections.alerts import AlertArrival
from projections.arrivals import Arrival
from stream.batches import LogRecord
from stream.codec import content_sha256
from stream.errors import Undecodable
from stream.reference import LetterKind
from stream.topics import STOCK_EVENTS

COLUMNS: Final = (
    "topic",
    "partition",
    "log_offset",
    "kind",
    "reason",
    "facility_id",
    "event_id",
    "content_sha256",
    "recorded_at",
    "record_key",
    "record_value",
    "headers",
)

FIND_SET_ASIDE: Final = """
SELECT log_offset, coalesce(letter.kind, letter_kind) AS kind, coalesce(letter.reason, '') AS reason
FROM dead_letter AS letter
FULL JOIN dead_letter_decision AS decision USING (topic, partition, log_offset)
WHERE topic = $1 AND partition = $2
  AND (letter.kind = 'failed' OR decision = 'discarded' AND letter_kind <> 'conflict')
"""

_FACILITY_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class SetAside(NamedTuple):
    kind: LetterKind
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`facility_id`, `event_id` and `content_sha256`: the event that is set aside, if it is one."""

    record: LogRecord
    recorded_at: datetime
    kind: LetterKind
    reason: str
    facility_id: str | None = None
    event_id: UUID | None = None
    content_sha256: bytes | None = None


def failed(record: LogRecord, recorded_at: datetime, reason: str) -> DeadLetter:
    """The letter of a record that our code failed to decode or to apply.

    Which event it is, is read from the bytes alone: the same whichever code failed, and where.
    """
    facility_id, event_id, content = _read_identity(record)
    return DeadLetter(record, recorded_at, "failed", reason, facility_id, event_id, content)


def discarded(record: LogRecord, recorded_at: datetime, kind: LetterKind) -> DeadLetter:
    """The letter of a record about which a decision is known before its turn comes."""
    reason = "an operator had decided to discard it"
    if kind == "failed":
        return failed(record, recorded_at, reason)
    return DeadLetter(record, recorded_at, kind, reason)


def conflict(arrival: Arrival) -> DeadLetter:
    """The letter of an event whose id was recorded before with other content."""
    return DeadLetter(
        arrival.record,
        arrival.recorded_at,
        "conflict",
        "an event with this id and other content was recorded before; the first one stands",
        arrival.event.facility_id,
        arrival.event_id,
        arrival.content_sha256,
    )


def conflicting_statement(arrival: AlertArrival) -> DeadLetter:
    """The letter of what somebody said of an alert with the id of something else."""
    return DeadLetter(
        arrival.record,
        arrival.recorded_at,
        "conflict",
        "something else about this alert was recorded with this id before; the first one stands",
        event_id=UUID(arrival.event.event_id),
    )


async def find_set_aside(
    connection: "asyncpg.Connection[Any]", topic: str, partition: int
) -> dict[int, SetAside]:
    """The records, by log_offset, that are no part of the figures though they can be decoded.

    Those that our code failed to apply (which ones did can't be told from the log), until they are
    replayed, and those that were discarded. Conflicts are not among them: the log tells those.
    """
    rows = await connection.fetch(FIND_SET_ASIDE, topic, partition)
    return {offset: SetAside(kind, reason) for offset, kind, reason in rows}


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
        letter.content_sha256,
        letter.recorded_at,
        record.key,
        record.value,
        _printable(orjson.dumps(headers).decode()),
    )


def _read_identity(record: LogRecord) -> tuple[str | None, UUID | None, bytes | None]:
    """facility_id, event_id and content_sha256, as far as a record of `stock-events` tells them.

    Of a record that any code could decode, all three.
    """
    key = (record.key or b"").decode(errors="replace")
    if record.topic != STOCK_EVENTS or not _FACILITY_ID.fullmatch(key):
        return None, None, None
    try:
        event_id = UUID(orjson.loads(record.value or b"")["event_id"])
        return key, event_id, content_sha256(record.headers)
    except (AttributeError, LookupError, TypeError, ValueError, Undecodable):
        return key, None, None


def _printable(text: str) -> str:
    """Postgres holds no NUL in text, nor lone surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").replace("\\u0000", "\\ufffd")
