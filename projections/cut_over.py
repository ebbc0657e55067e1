"""From one read model to the next, in one transaction.

While it holds the live positions nothing is projected, and reads go on in the old model. When it
commits, every read and every projection transaction that begins after it meets the new one. A
worker that waited for its positions finds their epochs gone and stops; it never writes a row that
the new model doesn't get.
"""

import time
from typing import Any, Final

import asyncpg
import structlog

from projections.announcing import CHANNEL
from projections.filling import Filling
from projections.log_reading import LogReader, Offsets
from projections.schema import DEFINITION, model_schema
from stream.errors import Conflict

log = structlog.get_logger()

BOUNDS: Final = """
SET LOCAL lock_timeout = '10s';
SET LOCAL idle_in_transaction_session_timeout = '30s'
"""
"""Frozen or cut off meanwhile, it must not hold projection up for long."""

LOCK_POSITIONS: Final = """
SELECT topic, partition, next_offset FROM {live}.position ORDER BY topic, partition FOR UPDATE
"""

COPY_EPOCHS: Final = """
UPDATE {new}.position AS new SET epoch = greatest(new.epoch, old.epoch) + 1
FROM {live}.position AS old WHERE new.topic = old.topic AND new.partition = old.partition
"""

# Discarded while the new model was being filled, after it had come past the record.
COUNT_OVERRULED: Final = """
SELECT count(*) FROM {new}.dead_letter_decision AS decision
JOIN {new}.position USING (topic, partition)
WHERE log_offset < next_offset AND decision = 'discarded' AND letter_kind <> 'conflict'
  AND NOT EXISTS (SELECT FROM {new}.dead_letter AS letter
                  WHERE (letter.topic, letter.partition, letter.log_offset)
                      = (decision.topic, decision.partition, decision.log_offset))
"""


class Overruled(Conflict):
    """An operator decided something about records that are in the new model already."""


async def cut_over(
    connection: "asyncpg.Connection[Any]", filling: Filling, reader: LogReader, *, model: int
) -> float:
    """Make `model` the live one, filled up to exactly where the live one is.

    Returns for how many seconds nothing could be projected, at most. Raises Conflict where another
    model went live meanwhile, Overruled, LockNotAvailableError if a transaction holds the positions
    for long; nothing has changed then.
    """
    began = time.monotonic()
    try:
        await _switch(connection, filling, reader, model=model)
    except Overruled:
        await connection.execute("DELETE FROM dawalog.rebuild")  # the next one starts over
        raise
    held_seconds = time.monotonic() - began
    await connection.execute(f"NOTIFY {CHANNEL}")
    return held_seconds


async def _switch(
    connection: "asyncpg.Connection[Any]", filling: Filling, reader: LogReader, *, model: int
) -> None:
    async with connection.transaction():
        await connection.execute(BOUNDS)
        live = await connection.fetchval("SELECT number FROM dawalog.live_model FOR UPDATE")
        if live >= model:
            raise Conflict(f"model {live} is live already: another rebuild was faster")
        await _take_over(connection, filling, reader, live=live, model=model)
        await connection.execute(
            "UPDATE dawalog.live_model SET number = $1, definition = $2", model, DEFINITION
        )
        await connection.execute("DELETE FROM dawalog.rebuild")


async def _take_over(
    connection: "asyncpg.Connection[Any]",
    filling: Filling,
    reader: LogReader,
    *,
    live: int,
    model: int,
) -> None:
    """Bring the new model to where the live one is, and fence off whoever projects into that."""
    schemas = {"live": model_schema(live), "new": model_schema(model)}
    if not await connection.fetchval("SELECT to_regclass($1)", f"{schemas['live']}.position"):
        log.warning("the live read model is gone, the new one takes its place", model=live)
        return
    rows = await connection.fetch(LOCK_POSITIONS.format(**schemas))
    stops = {(topic, partition): next_offset for topic, partition, next_offset in rows}
    await filling.reach(await _within_log(stops, reader))
    if overruled := await connection.fetchval(COUNT_OVERRULED.format(**schemas)):
        raise Overruled(
            f"{overruled} records were discarded while the rebuild went on, after they were "
            "applied in the new model: start it again"
        )
    await connection.execute(COPY_EPOCHS.format(**schemas))
    await connection.execute(f"UPDATE {schemas['live']}.position SET epoch = epoch + 1")


async def _within_log(stops: Offsets, reader: LogReader) -> Offsets:
    """A log that lost its end, as workers said, can only give what it still has."""
    ends = await reader.find_ends({topic for topic, _ in stops})
    for place, stop in stops.items():
        if stop > ends.get(place, 0):
            log.warning(
                "the live read model holds records that the log has no more",
                topic=place[0],
                partition=place[1],
                records=stop - ends.get(place, 0),
            )
    return {place: min(stop, ends[place]) for place, stop in stops.items() if place in ends}
