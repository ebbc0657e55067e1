"""A steady stream of events into the log, without an API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stream.appending import Appended
from stream.keyring import KeyRing
from stream.log import EventLog
from tests.pharmacy import encode, events_of
from tests.stack import PARTITIONS, Stack

FACILITIES = tuple(f"PHC-{number}" for number in range(24))
"""Enough that each partition has some."""


@asynccontextmanager
async def feeding(stack: Stack, folder: Path, seed: int = 0) -> AsyncIterator[None]:
    """Append events of all facilities, round by round, until the block ends."""
    keys = KeyRing(folder / "keys.json", "RJ")
    log = EventLog(stack.kafka_settings)
    await log.start()
    task = asyncio.create_task(_feed(log, keys, seed))
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])
        await log.stop()


async def append_some(stack: Stack, folder: Path, rounds: int, seed: int = 0) -> None:
    """Append so many events of each facility."""
    keys = KeyRing(folder / "keys.json", "RJ")
    log = EventLog(stack.kafka_settings)
    await log.start()
    days = [events_of(facility_id, seed) for facility_id in FACILITIES]
    for _ in range(rounds):
        answers = await log.append([encode(next(day), keys, PARTITIONS) for day in days])
        assert all(isinstance(answer, Appended) for answer in answers)
    await log.stop()


async def _feed(log: EventLog, keys: KeyRing, seed: int) -> None:
    days = [events_of(facility_id, seed) for facility_id in FACILITIES]
    while True:
        await log.append([encode(next(day), keys, PARTITIONS) for day in days])
        await asyncio.sleep(0.1)  # some 240 events/s leave the machine to what is tested
