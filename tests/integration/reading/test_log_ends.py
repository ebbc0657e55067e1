"""Following the log's ends while Kafka comes, stands still and goes on."""

import asyncio
import os
import signal
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from stream import log_ends as module
from stream import tasks
from stream.log_ends import AskedEnds, LogEnds
from stream.settings import KafkaSettings
from stream.topics import STOCK_EVENTS, partition_for
from tests.stack import PARTITIONS, Stack
from tests.unclosed import open_connections


async def next_answer(ends: LogEnds, after: datetime) -> AskedEnds:
    """The first answer to a question asked after an instant."""
    while ends.latest is None or ends.latest.asked_at <= after:
        await asyncio.sleep(0.01)
    return ends.latest


async def test_ends_of_all_partitions(stack: Stack) -> None:
    ends = LogEnds(stack.kafka_settings)
    await ends.start()
    first = await next_answer(ends, datetime.now(UTC))
    assert set(first.next_offsets.values()) == {0}
    assert len(first.next_offsets) == 2 * PARTITIONS + 1
    assert ends.partition_of("F1") == partition_for("F1", PARTITIONS)

    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await producer.start()
    await producer.send_and_wait(STOCK_EVENTS, b"a record", partition=3)
    await producer.stop()
    then = await next_answer(ends, datetime.now(UTC))
    assert then.next_offsets[STOCK_EVENTS, 3] == 1
    await ends.stop()


async def test_a_kafka_that_stands_still_only_makes_the_answer_old(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_SECONDS", 0.05)
    settings = stack.kafka_settings.model_copy(update={"kafka_request_timeout_seconds": 1.5})
    ends = LogEnds(settings)
    await ends.start()
    await next_answer(ends, datetime.now(UTC))
    os.kill(stack.kafka_pid, signal.SIGSTOP)
    try:
        while (ends.age_seconds() or 0) < 1.5:
            await asyncio.sleep(0.01)
    finally:
        os.kill(stack.kafka_pid, signal.SIGCONT)
    await next_answer(ends, datetime.now(UTC))
    await ends.stop()


async def test_told_to_end_at_any_moment_it_leaves_no_connection(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine, where ending takes so long that the task is cancelled again."""
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0)
    began = False
    turns = 0
    while not began:
        ends = LogEnds(stack.kafka_settings)
        await ends.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        began = ends.latest is not None
        await ends.stop()
        assert open_connections() == [], f"after {turns} turns of the loop"
        turns += 1 + turns // 2


async def test_without_kafka_nothing_is_known() -> None:
    ends = LogEnds(KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1"))
    await ends.start()
    await asyncio.sleep(0)
    assert ends.latest is None
    assert ends.age_seconds() is None
    assert ends.partition_of("F1") is None
    await ends.stop()
