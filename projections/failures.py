"""Records that our code failed to apply, one after the other: then the fault is ours, not theirs.

Counted per partition, and on from what a predecessor left: else a worker that is started again and
again would set the whole log aside, some records each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

import asyncpg

from projections.positions import Position
from stream.batches import LogRecord
from stream.errors import Corrupt

MAX_FAILURES_IN_A_ROW: Final = 20

FIND_FAILED: Final = """
SELECT letter.topic, letter.partition, letter.log_offset
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS claimed(topic, partition, next_offset)
JOIN dead_letter AS letter
  ON letter.topic = claimed.topic AND letter.partition = claimed.partition
 AND letter.log_offset BETWEEN claimed.next_offset - $4::integer AND claimed.next_offset - 1
LEFT JOIN dead_letter_decision AS decision
  ON decision.topic = letter.topic AND decision.partition = letter.partition
 AND decision.log_offset = letter.log_offset
-- what an operator has discarded is seen to: the worker goes on behind it
WHERE letter.kind = 'failed' AND decision.decision IS DISTINCT FROM 'discarded'
"""

PartitionKey = tuple[str, int]


class Failures:
    """How many records of each partition failed in a row."""

    def __init__(self) -> None:
        self._in_a_row: dict[PartitionKey, int] = {}

    def resume(self, runs: Mapping[PartitionKey, int]) -> None:
        """Go on from what is set aside just before the positions of claimed partitions."""
        self._in_a_row.update(runs)

    def count(self, record: LogRecord, error: Exception) -> None:
        """One more. Raises `Corrupt` when it is one too many: it must not be set aside."""
        place = (record.topic, record.partition)
        self._in_a_row[place] = self._in_a_row.get(place, 0) + 1
        if self._in_a_row[place] >= MAX_FAILURES_IN_A_ROW:
            raise Corrupt(
                f"{MAX_FAILURES_IN_A_ROW} records in a row of partition {record.partition} of "
                f"{record.topic} could not be applied, the last by: {error}; the worker stops"
            ) from error

    def end(self, records: Sequence[LogRecord]) -> None:
        """These were applied, or set aside by their own fault."""
        for place in {(record.topic, record.partition) for record in records}:
            self._in_a_row.pop(place, None)


async def find_failure_runs(
    connection: "asyncpg.Connection[Any]", positions: Sequence[Position]
) -> dict[PartitionKey, int]:
    """How many failed in a row right before each position, up to the limit."""
    rows = await connection.fetch(
        FIND_FAILED,
        [position.topic for position in positions],
        [position.partition for position in positions],
        [position.next_offset for position in positions],
        MAX_FAILURES_IN_A_ROW,
    )
    failed = {(topic, partition, log_offset) for topic, partition, log_offset in rows}
    return {
        (position.topic, position.partition): sum(
            1 for _ in takewhile(failed.__contains__, _places_before(position))
        )
        for position in positions
    }


def _places_before(position: Position) -> Iterator[tuple[str, int, int]]:
    for offset in range(position.next_offset - 1, -1, -1):
        yield position.topic, position.partition, offset
