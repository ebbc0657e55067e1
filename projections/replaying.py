"""Letters that an operator decided to replay: out of the dead letters, and back if it fails again.

A letter is tried once a decision (`tried_offset`). What is replayed keeps its own position and
recorded_at, so its rows are those that it would have given at first.
"""

from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson
from aiokafka import ConsumerRecord

from projections.arrivals import Arrival
from projections.dead_letters import DeadLetter, put_dead_letters
from projections.decoding import Item, decode_batch
from stream.batches import LogRecord, RecordBatch

FIND_PENDING: Final = """
SELECT letter.*, decided_offset FROM dead_letter_decision AS decision
JOIN dead_letter AS letter USING (topic, partition, log_offset)
JOIN unnest($1::text[], $2::int[]) AS owned(topic, partition) USING (topic, partition)
WHERE decision = 'replayed' AND letter.kind <> 'conflict'
  AND tried_offset IS DISTINCT FROM decided_offset
ORDER BY topic, partition, log_offset
"""

TAKE_OUT: Final = """
DELETE FROM dead_letter WHERE topic = $1 AND partition = $2 AND log_offset = $3
"""

MARK_TRIED: Final = """
UPDATE dead_letter SET tried_offset = $4 WHERE topic = $1 AND partition = $2 AND log_offset = $3
"""

FIND_SUCCESSOR: Final = """
SELECT log_offset FROM event WHERE facility_no = $1 AND event_id = $2 AND log_offset > $3
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A letter to be replayed, decoded anew. `decided_offset`: of the decision, in `reference`."""

    item: Item
    decided_offset: int

    @property
    def place(self) -> tuple[str, int, int]:
        record = self.item.record
        return record.topic, record.partition, record.offset


async def find_pending(
    connection: "asyncpg.Connection[Any]", partitions: Collection[tuple[str, int]]
) -> list[Pending]:
    """What is to be replayed in these (topic, partition)s, in the log's order."""
    rows = await connection.fetch(
        FIND_PENDING,
        [topic for topic, _ in partitions],
        [partition for _, partition in partitions],
    )
    return [_decode(row) for row in rows]


async def take_out(connection: "asyncpg.Connection[Any]", pending: Pending) -> None:
    """Remove the letter within the caller's transaction: its record counts as not known."""
    await connection.execute(TAKE_OUT, *pending.place)


async def put_back(
    connection: "asyncpg.Connection[Any]", pending: Pending, letter: DeadLetter
) -> None:
    """Set the record aside again, with the reason of now; it waits for another decision."""
    await put_dead_letters(connection, [letter])
    await connection.execute(MARK_TRIED, *pending.place, pending.decided_offset)


async def find_obstacle(
    connection: "asyncpg.Connection[Any]", arrival: Arrival
) -> DeadLetter | None:
    """The letter to put back if another record gave an event of this id in the meantime.

    Only bytes that nobody could read leave their id to others. The earlier record would stand now,
    which only a rebuild can bring about.
    """
    record = arrival.record
    offset = await connection.fetchval(
        FIND_SUCCESSOR, arrival.facility_no, arrival.event_id, record.offset
    )
    if offset is None:
        return None
    reason = f"record {offset} was applied with this event_id: discard this one, or rebuild"
    return DeadLetter(record, arrival.recorded_at, "undecodable", reason)


def _decode(row: asyncpg.Record) -> Pending:
    record: LogRecord = ConsumerRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["log_offset"],
        timestamp=int(row["recorded_at"].timestamp() * 1000),
        timestamp_type=1,
        key=row["record_key"],
        value=row["record_value"],
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=tuple((name, b64decode(value)) for name, value in orjson.loads(row["headers"])),
    )
    (item,) = decode_batch(RecordBatch(record.topic, record.partition, 0, [record])).items
    item.recorded_at = row["recorded_at"]
    return Pending(item, row["decided_offset"])
