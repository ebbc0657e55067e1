"""A running projector: lanes side by side, claims that come again, news for whoever waits.

Broken on purpose once, to see these tests fail: `Announcer.announce` before the commit.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import TopicPartition

from projections import projector as module
from projections.announcing import CHANNEL
from projections.failures import MAX_FAILURES_IN_A_ROW
from projections.metrics import DEAD_LETTERS
from projections.projector import Projector, open_projector
from projections.settings import ProjectorSettings
from stream.batches import RecordBatch
from stream.errors import Corrupt
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.feeding import append_some
from tests.full_log import append_bytes
from tests.integration.projecting.one_lane import (
    PARTITION,
    break_for,
    facility_of,
    raising,
    some_events,
)
from tests.log_reading import Database, projected, read_log
from tests.read_model import expected_rows, read_rows
from tests.records import Writer
from tests.stack import Stack
from tests.waiting import until


@pytest.fixture
async def projector(stack: Stack) -> AsyncIterator[Projector]:
    """A running projector of two lanes, on an empty log."""
    settings = ProjectorSettings(database_url=stack.database_url, projector_lanes=2)
    async with open_projector(settings, stack.kafka_settings, model=1) as projector:
        running = asyncio.create_task(projector.run())
        yield projector
        running.cancel()
        await asyncio.wait([running])


class Listener:
    """Another session, which hears of news."""

    def __init__(self, connection: Database) -> None:
        self.connection = connection
        self.heard = asyncio.Event()


@pytest.fixture
async def listener(stack: Stack) -> AsyncIterator[Listener]:
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1"}
    )
    listener = Listener(connection)
    await connection.add_listener(CHANNEL, lambda *_: listener.heard.set())
    yield listener
    await connection.close()


@pytest.fixture
async def another(stack: Stack) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1"}
    )
    yield connection
    await connection.close()


async def test_news_comes_once_it_can_be_read(
    projector: Projector, listener: Listener, tmp_path: Path
) -> None:
    claim = (await projector.claim([TopicPartition(*PARTITION)]))[TopicPartition(*PARTITION)]
    writer = Writer(tmp_path, epoch=claim.epoch)
    for event in some_events(20, facility_of(0)):
        await projector.submit(writer.batch(writer.event(event)))
        while await projected(listener.connection) != {PARTITION: writer.next_offset}:
            # News of figures that a new day changed may come between; that of the event must, too.
            await asyncio.wait_for(listener.heard.wait(), 10)
            listener.heard.clear()


async def test_lanes_work_side_by_side(
    projector: Projector, listener: Listener, another: Database, tmp_path: Path
) -> None:
    """One that must wait, for a lock here, doesn't hold the other up."""
    partitions = [TopicPartition(STOCK_EVENTS, number) for number in (0, 1)]
    claims = await projector.claim(partitions)
    writers = [Writer(tmp_path, tp.partition, claims[tp].epoch) for tp in partitions]
    days = [some_events(20, facility_of(number)) for number in (0, 1)]
    records = [
        [writer.event(event) for event in day] for writer, day in zip(writers, days, strict=True)
    ]

    async def at(*offsets: int) -> bool:
        now = await projected(listener.connection)
        return tuple(now[tp.topic, tp.partition] for tp in partitions) == offsets

    async with another.transaction():
        await another.execute("SELECT FROM position WHERE partition = 0 FOR UPDATE")
        for writer, made in zip(writers, records, strict=True):
            await projector.submit(writer.batch(*made))
        await until(lambda: at(0, 20), "the other lane is done")
    await until(lambda: at(20, 20), "both lanes are done")
    assert await read_rows(listener.connection) == expected_rows([*records[0], *records[1]])


async def test_batches_of_an_earlier_claim_are_read_again(
    projector: Projector, listener: Listener, tmp_path: Path
) -> None:
    place = TopicPartition(*PARTITION)
    writer = Writer(tmp_path, epoch=(await projector.claim([place]))[place].epoch)
    records = [writer.event(event) for event in some_events(6, facility_of(0))]
    stale = writer.batch(*records[:3])
    await projector.release()
    assert projector.next_offsets() == {}
    await projector.submit(stale)
    claim = (await projector.claim([place]))[place]
    assert claim.next_offset == 0
    writer.epoch = claim.epoch
    await projector.submit(stale)
    await projector.submit(writer.batch(*records))

    async def done() -> bool:
        return await projected(listener.connection) == {PARTITION: 6}

    await until(done, "all is projected once")
    assert await read_rows(listener.connection) == expected_rows(records)


async def test_dead_letters_are_told_by_the_owner_of_reference_alone(
    projector: Projector, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this worker told before would be added to what its successor tells."""
    monkeypatch.setattr(module, "DEAD_LETTER_REPORT_SECONDS", 0.01)
    ours, other = TopicPartition(REFERENCE, 0), TopicPartition(*PARTITION)
    claim = (await projector.claim([ours]))[ours]
    await append_bytes(stack, REFERENCE, b"rubbish")
    rubbish = await read_log(stack.kafka_settings, REFERENCE)
    await projector.submit(RecordBatch(REFERENCE, 0, claim.epoch, rubbish))

    async def tells_one() -> bool:
        return told() == {(REFERENCE, "undecodable"): 1}

    async def tells_nothing() -> bool:
        return told() == {}

    await until(tells_one, "a dead letter is told")
    await projector.release()
    assert told() == {}
    await projector.claim([other])
    DEAD_LETTERS.labels(REFERENCE, "undecodable").set(1)  # counted as it was let go of
    await until(tells_nothing, "it is another's to tell")
    await projector.claim([ours])
    await until(tells_one, "it is told again")
    await projector.release()


def told() -> dict[tuple[str, str], float]:
    return {
        (sample.labels["topic"], sample.labels["kind"]): sample.value
        for family in DEAD_LETTERS.collect()
        for sample in family.samples
    }


async def test_failures_are_counted_on_from_a_predecessor_s(
    stack: Stack, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each start would set some more records aside, until none is left."""
    await append_some(stack, tmp_path, rounds=10)
    log = [record for record in await read_log(stack.kafka_settings) if record.partition == 0]
    place, last = TopicPartition(*PARTITION), MAX_FAILURES_IN_A_ROW - 1
    break_for(monkeypatch, raising(KeyError("lot")))

    async def all_but_one_failed() -> bool:
        return await projected(listener.connection) == {PARTITION: last}

    for records in (log[:last], log[last:]):
        settings = ProjectorSettings(database_url=stack.database_url)
        async with open_projector(settings, stack.kafka_settings, model=1) as projector:
            running = asyncio.create_task(projector.run())
            claim = (await projector.claim([place]))[place]
            await projector.submit(RecordBatch(STOCK_EVENTS, 0, claim.epoch, records))
            if records[0].offset == 0:
                await until(all_but_one_failed, "one less than too many failed")
                running.cancel()
            await asyncio.wait([running], timeout=10)
    failure = running.exception()
    assert isinstance(failure, BaseExceptionGroup)
    assert failure.subgroup(Corrupt)
    assert await all_but_one_failed()
