"""Filling a ledger with the history of some facilities, through log and worker."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import asyncpg

from infra.bench.events import EventMaker, Mix, facility_ids, item_ids
from infra.bench.preload import chunks, preload
from infra.bench.projection import MOVED
from infra.bench.report import say
from infra.bench.stack import PARTITIONS, BenchStack
from projections.log_reading import open_log
from stream.errors import Unavailable
from stream.fields import MAX_LINES
from stream.topics import STOCK_EVENTS

OPENING: Final = 1_000_000
POLL_SECONDS: Final = 0.5
SILENT_SECONDS: Final = 120.0
LINES: Final = "SELECT count(*) FROM ledger_entry"


def history(mix: Mix, lines: int, *, until: datetime, over: timedelta) -> Iterator[dict[str, Any]]:
    """A complete count at each facility, and then dispenses of so many lines."""
    dice = random.Random(mix.seed)
    began = until - over
    for facility_id in facility_ids(mix):
        for items in chunks(item_ids(mix), MAX_LINES // mix.lots):
            yield {
                "event_id": str(UUID(int=dice.getrandbits(128), version=4)),
                "type": "stock_counted",
                "complete": True,
                "facility_id": facility_id,
                "occurred_at": began.isoformat(),
                "lines": [
                    {"item_id": item_id, "lot": f"L{lot}", "counted": OPENING}
                    for item_id in items
                    for lot in range(mix.lots)
                ],
            }
    maker = EventMaker(replace(mix, seed=mix.seed + 1))
    dispenses = max(1, lines // mix.lines)
    for number in range(dispenses):
        yield maker.make(began + over * (number / dispenses))


async def grow(stack: BenchStack, events: Iterator[dict[str, Any]], lines: int) -> int:
    """Let the ledger grow to so many lines by a running worker; returns how many there are."""
    connection = await stack.connect()
    try:
        await _until_projected(stack, connection)  # what was posted just before counts, too
        there = int(await connection.fetchval(LINES))
        await preload(stack, _until_lines(events, lines - there), partitions=PARTITIONS)
        await _until_projected(stack, connection)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        grown = int(await connection.fetchval(LINES))
    finally:
        await connection.close()
    say(f"the ledger has {grown:,} lines")
    return grown


async def _until_projected(stack: BenchStack, connection: "asyncpg.Connection[Any]") -> None:
    """Wait until the worker has projected the log to its end."""
    async with open_log(stack.servers.kafka_settings) as log:
        end = sum((await log.find_ends([STOCK_EVENTS])).values())
    projected, moved_at = -1, monotonic()
    while projected < end:
        now = int(await connection.fetchval(MOVED, STOCK_EVENTS))
        if now > projected:
            projected, moved_at = now, monotonic()
        elif monotonic() - moved_at > SILENT_SECONDS:
            raise Unavailable("the worker projects nothing")
        await asyncio.sleep(POLL_SECONDS)


def _until_lines(events: Iterator[dict[str, Any]], lines: int) -> Iterator[dict[str, Any]]:
    while lines > 0 and (event := next(events, None)) is not None:
        lines -= len(event["lines"])
        yield event
