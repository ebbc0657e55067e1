"""Dead letters, and what was decided about each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from stream.reference import DECISION, Decision, LetterKind

State: TypeAlias = Literal["open", "pending", "replayed", "discarded"]
"""pending: a replay is decided and not tried yet. One that failed again leaves its letter open."""

_STATE: Final = """
CASE WHEN letter.topic IS NULL OR decision = 'discarded' THEN decision
     WHEN decision = 'replayed' AND letter.kind <> 'conflict'
          AND tried_offset IS DISTINCT FROM decided_offset THEN 'pending'
     ELSE 'open' END
"""

# The header `type`, which says what the record is, in base64 as headers are kept.
_IS_DECISION: Final = f"""
coalesce(headers @> jsonb_build_array(jsonb_build_array(
    'type', encode('{DECISION}'::bytea, 'base64'))), false)
"""

FIND: Final = f"""
SELECT * FROM (
    SELECT topic, partition, log_offset, coalesce(letter.kind, letter_kind) AS kind,
           {_STATE} AS state, letter.reason, facility_id, event_id, letter.recorded_at,
           decided_offset, decision, decision.reason AS decision_reason,
           decision.recorded_by AS decided_by, decision.recorded_at AS decided_at,
           {_IS_DECISION} AS is_decision
    FROM dead_letter AS letter
    FULL JOIN dead_letter_decision AS decision USING (topic, partition, log_offset)
) AS letter
"""

LIST: Final = f"""
{FIND}
WHERE state = ANY ($1::text[])
  AND topic = coalesce($2::text, topic) AND kind = coalesce($3::text, kind)
  AND ($4::text IS NULL OR facility_id = $4)
ORDER BY topic, partition, log_offset LIMIT $5::bigint
"""

OF_PLACES: Final = f"""
{FIND}
JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS wanted(topic, partition, log_offset)
     USING (topic, partition, log_offset)
ORDER BY topic, partition, log_offset
"""

RECORD: Final = """
SELECT record_key, record_value, headers::text FROM dead_letter
WHERE topic = $1 AND partition = $2 AND log_offset = $3
"""

PROJECTED: Final = "SELECT next_offset FROM position WHERE topic = 'reference'"

Database: TypeAlias = "asyncpg.Connection[Any]"


class Place(NamedTuple):
    """Where a record is. Written topic/partition/offset."""

    topic: str
    partition: int
    log_offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.log_offset}"


class Letter(NamedTuple):
    """`reason`: why the record is set aside; None for one that was replayed."""

    topic: str
    partition: int
    log_offset: int
    kind: LetterKind
    state: State
    reason: str | None
    facility_id: str | None
    event_id: UUID | None
    recorded_at: datetime | None
    decided_offset: int | None
    decision: Decision | None
    decision_reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    is_decision: bool

    @property
    def place(self) -> Place:
        return Place(self.topic, self.partition, self.log_offset)


async def list_letters(
    connection: Database,
    *,
    states: Collection[State],
    topic: str | None = None,
    kind: LetterKind | None = None,
    facility_id: str | None = None,
    limit: int | None = None,
) -> list[Letter]:
    rows = await connection.fetch(LIST, list(states), topic, kind, facility_id, limit)
    return [Letter(*row) for row in rows]


async def find_letters(connection: Database, places: Sequence[Place]) -> dict[Place, Letter]:
    """Those that there are."""
    columns = zip(*places, strict=True) if places else ([], [], [])
    letters = [Letter(*row) for row in await connection.fetch(OF_PLACES, *map(list, columns))]
    return {letter.place: letter for letter in letters}


async def find_record(
    connection: Database, place: Place
) -> tuple[bytes | None, bytes | None, str] | None:
    """Key, value and headers (JSON: [[name, base64], …]) of a letter's record."""
    row = await connection.fetchrow(RECORD, *place)
    return None if row is None else (row[0], row[1], row[2])


async def count_projected_decisions(connection: Database) -> int:
    """The next offset of `reference`: decisions before it are in effect."""
    return await connection.fetchval(PROJECTED) or 0
