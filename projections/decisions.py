"""What operators decided about dead letters, and which records are never applied because of it.

Decisions are records of `reference`. Those about one record form a chain: each names the one that
stood when it was made (`follows`) and counts only if that one stands when it comes. So which
decision stands is a function of the topic `reference` alone, wherever other partitions are.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from stream.reference import Decision, LetterKind, LoggedDecision, reference_id

Place: TypeAlias = tuple[str, int, int]
"""(topic, partition, log_offset)"""

CHANNEL: Final = "dawalog_decided"
"""NOTIFY on it: a decision was projected. The owner of the record's partition works it off."""

FIND_STANDING: Final = "SELECT * FROM dead_letter_decision WHERE place = ANY ($1::text[])"

FIND_AHEAD: Final = """
SELECT decision.* FROM position
JOIN dead_letter_decision AS decision USING (topic, partition)
WHERE decision.log_offset >= position.next_offset
"""

PUT: Final = """
INSERT INTO dead_letter_decision (place, topic, partition, log_offset, decided_offset, letter_kind,
                                  decision, reason, recorded_by, recorded_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::timestamptz[])
ON CONFLICT (place) DO UPDATE
SET decided_offset = excluded.decided_offset, letter_kind = excluded.letter_kind,
    decision = excluded.decision, reason = excluded.reason,
    recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at
"""


class Made(NamedTuple):
    """A decision as the log holds it. `decided_offset` is its own, in `reference`."""

    decision: LoggedDecision
    decided_offset: int
    recorded_at: datetime


class Standing(NamedTuple):
    """The decision that counts for a record; the columns of `dead_letter_decision`."""

    place: str
    topic: str
    partition: int
    log_offset: int
    decided_offset: int
    letter_kind: LetterKind
    decision: Decision
    reason: str
    recorded_by: str
    recorded_at: datetime

    @classmethod
    def of(cls, made: Made) -> "Standing":
        decision = made.decision
        return cls(
            reference_id(decision),
            decision.topic,
            decision.partition,
            decision.log_offset,
            made.decided_offset,
            decision.letter_kind,
            decision.decision,
            decision.reason,
            decision.recorded_by,
            made.recorded_at,
        )

    @property
    def sets_aside(self) -> bool:
        """Whether the record is never applied. A conflict never is, decision or not."""
        return self.decision == "discarded" and self.letter_kind != "conflict"


def settle(made: Iterable[Made], before: Mapping[str, Standing]) -> dict[str, Standing]:
    """The decisions that stand anew, by place, after those `made` in the log's order."""
    anew: dict[str, Standing] = {}
    for one in made:
        place = reference_id(one.decision)
        last = anew.get(place) or before.get(place)
        if one.decision.follows == (None if last is None else last.decided_offset):
            anew[place] = Standing.of(one)
    return anew


async def find_standing(
    connection: "asyncpg.Connection[Any]", places: Collection[str]
) -> dict[str, Standing]:
    rows = await connection.fetch(FIND_STANDING, list(places))
    return {row["place"]: Standing(**row) for row in rows}


async def find_ahead(connection: "asyncpg.Connection[Any]") -> dict[str, Standing]:
    """Decisions about records that are not projected yet: the positions were behind once more."""
    return {row["place"]: Standing(**row) for row in await connection.fetch(FIND_AHEAD)}


async def project_decisions(connection: "asyncpg.Connection[Any]", made: Collection[Made]) -> None:
    """Write what stands now, within the caller's transaction, and wake the owners."""
    before = await find_standing(connection, {reference_id(one.decision) for one in made})
    anew = settle(made, before)
    if anew:
        await connection.execute(PUT, *zip(*anew.values(), strict=True))
        # Rare enough to be sent from inside the transaction.
        await connection.execute(f"NOTIFY {CHANNEL}")
