"""Where each partition stands in the read model, and who may move it.

A position moves by compare-and-swap on (next_offset, epoch) in the transaction of the rows that it
stands for. Claiming bumps the epoch, so whoever held the partition before can't move it any more.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import stamina
from aiokafka import TopicPartition

from stream.batches import LogRecord
from stream.errors import Corrupt

LOCK_TIMEOUT_SECONDS = 1.0
"""Faust waits a long time for a claim; a claim waits for a lock in short turns."""

CLAIM_PATIENCE_SECONDS = 30.0
"""How long a claim waits for a predecessor's transaction; Postgres ends a silent one sooner."""


class Fenced(Corrupt):
    """Another worker owns a partition now, or moved it: this one must stop."""


class Superseded(Fenced):
    """Another read model is live now: this worker must start again, to project into that one."""


@dataclass(slots=True)
class Position:
    """A partition's place: everything before `next_offset` is in the read model."""

    topic: str
    partition: int
    next_offset: int
    epoch: int
    recorded_at: datetime | None
    record_digest: bytes | None
    chain_digest: bytes

    def advance(self, record: LogRecord) -> datetime:
        """Step over one record and return its recorded_at (never before its predecessor's)."""
        recorded_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        if self.recorded_at is None or recorded_at > self.recorded_at:
            self.recorded_at = recorded_at
        self.record_digest = digest_record(record)
        self.chain_digest = hashlib.sha256(self.chain_digest + self.record_digest).digest()
        self.next_offset = record.offset + 1
        return self.recorded_at


def digest_record(record: LogRecord) -> bytes:
    """SHA-256 over a record as it stands in the log: offset, timestamp, key, value and headers.

    Lengths precede the parts, so that no two records share their bytes. An absent key, value or
    header's value has length -1.
    """
    key, value = record.key, record.value
    frame = [
        b"%d %d %d %d "
        % (
            record.offset,
            record.timestamp,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
        ),
        key or b"",
        value or b"",
    ]
    for name, content in record.headers:
        encoded = name.encode()
        length = -1 if content is None else len(content)
        frame += (b"%d %d " % (len(encoded), length), encoded, content or b"")
    return hashlib.sha256(b"".join(frame)).digest()


CLAIM = """
UPDATE position SET epoch = epoch + 1
FROM unnest($1::text[], $2::int[]) AS claimed(topic, partition)
WHERE position.topic = claimed.topic AND position.partition = claimed.partition
RETURNING position.topic, position.partition, next_offset, epoch, recorded_at, record_digest,
          chain_digest
"""

MOVE = """
WITH moved AS (
    UPDATE position
    SET next_offset = move.next_offset, recorded_at = move.recorded_at,
        record_digest = move.record_digest, chain_digest = move.chain_digest
    FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
                $6::timestamptz[], $7::bytea[], $8::bytea[])
         AS move(topic, partition, epoch, expected_offset, next_offset, recorded_at,
                 record_digest, chain_digest)
    WHERE position.topic = move.topic AND position.partition = move.partition
      AND position.epoch = move.epoch AND position.next_offset = move.expected_offset
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved) AS moved, (SELECT number FROM dawalog.live_model) AS live_model
"""


@stamina.retry(
    on=asyncpg.LockNotAvailableError,
    attempts=None,
    timeout=CLAIM_PATIENCE_SECONDS,
    wait_initial=0.05,
    wait_max=0.5,
)
async def claim_positions(
    connection: "asyncpg.Connection[Any]", partitions: Collection[TopicPartition]
) -> list[Position]:
    """Bump the epochs and return the positions; waits for a predecessor's open transaction."""
    ordered = sorted(partitions)
    topics = [tp.topic for tp in ordered]
    numbers = [tp.partition for tp in ordered]
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
        await connection.execute(
            "INSERT INTO position (topic, partition) "
            "SELECT * FROM unnest($1::text[], $2::int[]) ON CONFLICT DO NOTHING",
            topics,
            numbers,
        )
        rows = await connection.fetch(CLAIM, topics, numbers)
    return [Position(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Move:
    """A step of one position: from `expected_offset` to what `position` says."""

    expected_offset: int
    position: Position

    @property
    def moved(self) -> bool:
        return self.position.next_offset > self.expected_offset


async def move_positions(
    connection: "asyncpg.Connection[Any]", moves: Sequence[Move], *, model: int, live: bool
) -> None:
    """Move the positions within the caller's transaction. Raises `Fenced` if any isn't ours.

    Args:
        model: the read model that the transaction writes.
        live: whether it must be the one that answers reads.
    """
    ordered = sorted(moves, key=lambda move: (move.position.topic, move.position.partition))
    row = await connection.fetchrow(
        MOVE,
        [move.position.topic for move in ordered],
        [move.position.partition for move in ordered],
        [move.position.epoch for move in ordered],
        [move.expected_offset for move in ordered],
        [move.position.next_offset for move in ordered],
        [move.position.recorded_at for move in ordered],
        [move.position.record_digest for move in ordered],
        [move.position.chain_digest for move in ordered],
    )
    assert row is not None
    if row["moved"] != len(ordered):
        # Waiting for a cut-over's locks, the statement saw what was live before it.
        if live:
            await check_live(connection, model)
        raise Fenced("another worker owns a partition of this batch now; this worker stops")
    if live:
        _check_live(row["live_model"], model)


async def check_live(connection: "asyncpg.Connection[Any]", model: int) -> None:
    """Raises `Superseded` if another read model than `model` is live."""
    _check_live(await connection.fetchval("SELECT number FROM dawalog.live_model"), model)


def _check_live(live_model: int | None, model: int) -> None:
    if live_model != model:
        raise Superseded(f"read model {live_model} is live now: this worker starts again on it")
