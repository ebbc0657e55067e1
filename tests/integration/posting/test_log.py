"""Appending: acknowledged, in order, bounded; and with a broker that fails."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from aiokafka import TopicPartition

from infra.local.ports import free_port
from stream import tasks
from stream.appending import Answer, Appended
from stream.errors import Unavailable
from stream.log import EventLog
from stream.settings import KafkaSettings
from stream.topics import STOCK_EVENTS
from tests.integration.posting.bodies import read_log, record
from tests.stack import Stack
from tests.unclosed import open_connections


@pytest.fixture
def frozen_kafka(stack: Stack) -> Iterator[int]:
    """Freeze with SIGSTOP of this pid; it goes on after the test in any case."""
    yield stack.kafka_pid
    os.kill(stack.kafka_pid, signal.SIGCONT)


@pytest.fixture
async def narrow_log(stack: Stack) -> AsyncIterator[EventLog]:
    settings = stack.kafka_settings.model_copy(update={"kafka_max_in_flight": 10})
    event_log = EventLog(settings)
    await event_log.start()
    yield event_log
    await event_log.stop()


async def connected(log: EventLog) -> None:
    async with asyncio.timeout(30):
        while not log.is_connected:
            await asyncio.sleep(0.01)


def offsets(answers: list[Answer]) -> list[int]:
    return [answer.offset for answer in answers if isinstance(answer, Appended)]


async def test_what_is_acknowledged_is_in_the_log(log: EventLog, stack: Stack) -> None:
    sent = record(1, partition=3)
    (answer,) = await log.append([sent])
    (found,) = await read_log(stack)
    assert isinstance(answer, Appended)
    assert (answer.topic, answer.partition, answer.offset) == (STOCK_EVENTS, 3, found.offset)
    assert (found.key, found.value, tuple(found.headers)) == (sent.key, sent.value, sent.headers)
    assert answer.recorded_at == datetime.fromtimestamp(found.timestamp / 1000, UTC)
    assert abs(answer.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_one_append_keeps_its_order(log: EventLog, stack: Stack) -> None:
    sent = [record(number, partition=number % 2) for number in range(1000)]
    answers = await log.append(sent)
    found = await read_log(stack)
    assert offsets(answers[0::2]) == offsets(answers[1::2]) == list(range(500))
    for partition in (0, 1):
        values = [one.value for one in found if one.partition == partition]
        assert values == [one.value for one in sent[partition::2]]


async def test_appends_at_the_same_time_do_not_mix(log: EventLog, stack: Stack) -> None:
    appends = [[record(100 * number + place) for place in range(20)] for number in range(64)]
    answers = await asyncio.gather(*(log.append(one) for one in appends))
    assert sorted(offset for one in answers for offset in offsets(one)) == list(range(64 * 20))
    found = {one.offset: one.value for one in await read_log(stack)}
    for sent, answered in zip(appends, answers, strict=True):
        assert [found[offset] for offset in offsets(answered)] == [one.value for one in sent]


async def test_batches_larger_than_a_request_are_split(log: EventLog, stack: Stack) -> None:
    one = record(1)
    large = type(one)(one.topic, 0, one.key, os.urandom(600_000), one.headers)
    assert offsets(await log.append([large] * 5)) == [0, 1, 2, 3, 4]
    assert len(await read_log(stack)) == 5


async def test_nothing_to_append_is_nothing(log: EventLog) -> None:
    assert await log.append([]) == []


async def test_more_than_may_be_in_flight_is_refused_at_once(narrow_log: EventLog) -> None:
    answers = await asyncio.gather(
        narrow_log.append([record(n) for n in range(6)]),
        narrow_log.append([record(n) for n in range(6)]),
    )
    assert [len(offsets(one)) for one in answers] == [6, 0]
    assert all(isinstance(answer, Unavailable) for answer in answers[1])
    assert len(offsets(await narrow_log.append([record(n) for n in range(10)]))) == 10


async def test_who_stops_waiting_stops_nothing(narrow_log: EventLog, stack: Stack) -> None:
    waiting = asyncio.create_task(narrow_log.append([record(n) for n in range(10)]))
    await asyncio.sleep(0)  # let it begin
    waiting.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(30):
        while len(await read_log(stack)) < 10:
            await asyncio.sleep(0.01)
        while not offsets(await narrow_log.append([record(n) for n in range(10)])):
            await asyncio.sleep(0.01)


async def test_a_broken_producer_is_replaced(log: EventLog, stack: Stack) -> None:
    """aiokafka #1017: after OutOfOrderSequenceNumber a producer never recovers by itself."""
    await log.append([record(1)])
    assert log._connection is not None
    broken = log._connection.producer
    broken._txn_manager._sequence_numbers[TopicPartition(STOCK_EVENTS, 0)] = 500
    (answer,) = await log.append([record(2)])
    assert isinstance(answer, Unavailable)
    await connected(log)
    assert log._connection.producer is not broken
    assert offsets(await log.append([record(3)])) == [1]
    assert len(await read_log(stack)) == 2


@pytest.mark.timeout(120)
async def test_a_broker_that_hangs_is_answered_for_and_comes_back(
    log: EventLog, frozen_kafka: int
) -> None:
    os.kill(frozen_kafka, signal.SIGSTOP)
    began = monotonic()
    answers = await asyncio.gather(*(log.append([record(1, partition)]) for partition in range(8)))
    assert monotonic() - began < 10
    assert not any(offsets(one) for one in answers)
    began = monotonic()
    assert not offsets(await log.append([record(2)]))
    assert monotonic() - began < 0.1  # known to be away by now
    os.kill(frozen_kafka, signal.SIGCONT)
    await connected(log)
    assert len(offsets(await log.append([record(3)]))) == 1


async def test_a_short_pause_of_the_broker_is_waited_for(log: EventLog, frozen_kafka: int) -> None:
    await log.append([record(1)])
    os.kill(frozen_kafka, signal.SIGSTOP)
    appending = asyncio.create_task(log.append([record(2)]))
    await asyncio.wait([appending], timeout=1)
    os.kill(frozen_kafka, signal.SIGCONT)
    assert offsets(await appending) == [1]


async def test_it_starts_and_stops_without_a_broker() -> None:
    log = EventLog(KafkaSettings(kafka_bootstrap_servers=f"127.0.0.1:{free_port()}"))
    await log.start(wait_seconds=0.2)
    (answer,) = await log.append([record(1)])
    assert isinstance(answer, Unavailable)
    with pytest.raises(Unavailable):
        _ = log.partitions
    async with asyncio.timeout(10):
        await log.stop()


async def test_told_to_end_at_any_moment_it_leaves_no_connection(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine, where ending takes so long that the task is cancelled again."""
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0)
    began = False
    turns = 0
    while not began:
        log = EventLog(stack.kafka_settings)
        await log.start(wait_seconds=0)
        for _ in range(turns):
            await asyncio.sleep(0)
        began = log.is_connected
        await log.stop()
        assert open_connections() == [], f"after {turns} turns of the loop"
        turns += 1 + turns // 2
