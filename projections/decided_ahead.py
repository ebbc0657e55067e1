"""Decisions about records that this worker has yet to project, read ahead in the log.

A discarded record must not be applied, and partitions are projected in any order: in a rebuild, or
after Postgres came back from an old backup, a record may well come before the decision about it. So
whoever claims partitions first reads `reference` to its end.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from projections.decisions import Made, Place, Standing, find_ahead, find_standing, settle
from projections.log_reading import open_log
from projections.positions import Position
from stream.batches import LogRecord
from stream.codec import decode_reference
from stream.errors import Undecodable
from stream.reference import DECISION, LetterKind, LoggedDecision, reference_id
from stream.settings import KafkaSettings
from stream.topics import REFERENCE

_TYPE: Final = ("type", DECISION.encode())


async def find_discarded(
    connection: "asyncpg.Connection[Any]", kafka: KafkaSettings, positions: Collection[Position]
) -> dict[Place, LetterKind]:
    """The records at or after these positions that are never to be applied.

    Raises `NewerSchema` as projecting the decisions would.
    """
    start = await connection.fetchval(
        "SELECT next_offset FROM position WHERE topic = $1", REFERENCE
    )
    made = await _read_decisions(kafka, start or 0)
    # Decisions that were projected meanwhile don't count twice: what they follow stands no more.
    standing = await find_ahead(connection)
    standing |= await find_standing(connection, {reference_id(one.decision) for one in made})
    standing |= settle(made, standing)
    next_offsets = {(each.topic, each.partition): each.next_offset for each in positions}
    return {
        (each.topic, each.partition, each.log_offset): each.letter_kind
        for each in standing.values()
        if each.sets_aside and _is_ahead(each, next_offsets)
    }


def _is_ahead(decision: Standing, next_offsets: dict[tuple[str, int], int]) -> bool:
    next_offset = next_offsets.get((decision.topic, decision.partition))
    return next_offset is not None and decision.log_offset >= next_offset


async def _read_decisions(kafka: KafkaSettings, start: int) -> list[Made]:
    made: list[Made] = []
    async with open_log(kafka) as log:
        ends = await log.find_ends([REFERENCE])
        async for records in log.read({(REFERENCE, 0): start}, ends):
            made += [one for record in records if (one := _decode(record)) is not None]
    return made


def _decode(record: LogRecord) -> Made | None:
    """The decision, if the record is one: a dead letter among them decides nothing."""
    if _TYPE not in record.headers:
        return None
    try:
        decision = decode_reference(record.key, record.value, record.headers)
    except Undecodable:
        return None
    if not isinstance(decision, LoggedDecision):
        return None
    return Made(decision, record.offset, datetime.fromtimestamp(record.timestamp / 1000, UTC))
