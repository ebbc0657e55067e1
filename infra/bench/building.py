"""Building a generated state through log and worker, or finding it where it was kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg
from pydantic import BaseModel, ConfigDict

from infra.bench.preload import preload
from infra.bench.report import say
from infra.bench.service import register, running_roles
from infra.bench.stack import PARTITIONS, BenchStack
from infra.bench.state import GeneratedState
from projections.figures.days import india_today
from projections.log_reading import open_log
from projections.schema import OtherDefinition, prepare_schema
from stream.errors import Unavailable
from stream.topics import REFERENCE, STOCK_EVENTS

POLL_SECONDS: Final = 0.5
SAY_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 300.0
"""A new day of a whole state is begun in many small transactions; some are long."""

PROJECTED: Final = "SELECT topic, partition, next_offset FROM position"
UNSETTLED: Final = f"""
SELECT (SELECT count(*) FROM facility_state WHERE due OR evaluated_on < india_day(now()))
     + (SELECT coalesce(sum(next_offset - coalesce(reference_offset, 0)), 0)
        FROM position CROSS JOIN generate_series(0, {PARTITIONS} - 1) AS own(partition)
        LEFT JOIN reference_taken ON reference_taken.partition = own.partition
        WHERE topic = '{REFERENCE}')
"""
"""Facilities and records that the worker has yet to work off."""


class Kept(BaseModel):
    """Of what state a folder's log holds all; on `heard_on` every facility was heard of."""

    model_config = ConfigDict(frozen=True)

    facilities: int
    items: int
    heard_on: date


@asynccontextmanager
async def running_state(stack: BenchStack, state: GeneratedState) -> AsyncIterator[str]:
    """The address of an API that takes posts and, with a worker, has projected all of the state."""
    kept = _find_kept(stack)
    if kept is None:
        await stack.empty_topics()
        await stack.empty_database()
    elif (kept.facilities, kept.items) != (state.facilities, state.items):
        raise Unavailable(
            f"{stack.folder} holds a state of {kept.facilities:,} facilities and {kept.items:,} "
            "items: ask for that one, or name another folder"
        )
    else:
        await _prepare_model(stack)
    async with running_roles(stack, worker=True) as url:
        if kept is None:
            await register(url, state.records())
            await _wait_settled(stack)
        await _fill(stack, state, kept)
        await _wait_settled(stack)
        connection = await stack.connect()
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        await connection.close()
        yield url


async def _prepare_model(stack: BenchStack) -> None:
    connection = await asyncpg.connect(stack.servers.database_url)
    try:
        await prepare_schema(connection, cluster_id=stack.servers.cluster_id)
    except OtherDefinition as reason:
        say(f"{reason.detail}: the log is projected again")
        await stack.empty_database()
    finally:
        await connection.close()


async def _fill(stack: BenchStack, state: GeneratedState, kept: Kept | None) -> None:
    """Append what is missing; the worker projects it meanwhile."""
    today = india_today()
    until = datetime.now(UTC) - timedelta(minutes=1)
    if kept is None:
        say(f"{2 * len(state.started) * state.items:,} lines to append and to project")
        await preload(stack, state.events(until=until), partitions=PARTITIONS)
    elif kept.heard_on != today:
        await preload(stack, state.signs_of_life(until=until), partitions=PARTITIONS)
    now = Kept(facilities=state.facilities, items=state.items, heard_on=today)
    _marker(stack).write_text(now.model_dump_json())


def _find_kept(stack: BenchStack) -> Kept | None:
    try:
        return Kept.model_validate_json(_marker(stack).read_bytes())
    except FileNotFoundError:
        return None


def _marker(stack: BenchStack) -> Path:
    return stack.folder / "bench-state.json"


async def _wait_settled(stack: BenchStack) -> None:
    """Until all is projected and every figure is of today."""
    async with open_log(stack.servers.kafka_settings) as log:
        ends = await log.find_ends([STOCK_EVENTS, REFERENCE])
    connection = await stack.connect()
    try:
        least, moved_at, said_at = await _count_missing(connection, ends), monotonic(), monotonic()
        while least:
            await asyncio.sleep(POLL_SECONDS)
            missing, now = await _count_missing(connection, ends), monotonic()
            if missing != least:
                least, moved_at = missing, now
            elif now - moved_at > SILENT_SECONDS:
                raise Unavailable("the worker projects nothing")
            if now - said_at > SAY_SECONDS:
                said_at = now
                say(f"{missing:,} records and facilities to go")
    finally:
        await connection.close()


async def _count_missing(
    connection: "asyncpg.Connection[Any]", ends: dict[tuple[str, int], int]
) -> int:
    rows = await connection.fetch(PROJECTED)
    at = {(topic, partition): offset for topic, partition, offset in rows}
    unsettled = int(await connection.fetchval(UNSETTLED))
    unread: int = sum(max(0, end - at.get(place, 0)) for place, end in ends.items())
    return unsettled + unread
