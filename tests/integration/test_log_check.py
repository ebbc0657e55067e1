"""A log that isn't the one that was projected: noticed, said in a sentence, nothing written.

Broken on purpose once, to see these tests fail: `log_check` without its comparison of ends, and of
digests; `schema` without that of clusters; the worker with `auto_offset_reset` set to earliest.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from projections.projector import open_projector
from projections.settings import ProjectorSettings
from stream.batches import LogRecord, RecordBatch
from stream.topics import STOCK_EVENTS
from tests.feeding import append_some
from tests.log_reading import Database, Offsets, log_ends, projected, read_log
from tests.read_model import expected_rows, read_rows
from tests.stack import Stack
from tests.waiting import until
from tests.workers import Worker, running_worker

pytestmark = pytest.mark.timeout(90)

REMEDY = "restore the log, or run `dawalog rebuild`"


@pytest.fixture
async def projected_log(stack: Stack, database: Database, tmp_path: Path) -> Stack:
    """Some events, projected as a worker does that has stopped since."""
    await append_some(stack, tmp_path, rounds=4)
    by_partition: dict[int, list[LogRecord]] = {}
    for record in await read_log(stack.kafka_settings):
        by_partition.setdefault(record.partition, []).append(record)
    settings = ProjectorSettings(database_url=stack.database_url)
    async with open_projector(settings, stack.kafka_settings, model=1) as projector:
        running = asyncio.create_task(projector.run())
        places = [TopicPartition(STOCK_EVENTS, number) for number in by_partition]
        for place, claim in (await projector.claim(places)).items():
            records = by_partition[place.partition]
            await projector.submit(RecordBatch(STOCK_EVENTS, place.partition, claim.epoch, records))
        await until_projected(stack, database)
        running.cancel()
        await asyncio.wait([running])
    return stack


async def until_projected(stack: Stack, database: Database) -> None:
    ends = {place: end for place, end in (await log_ends(stack.kafka_settings)).items() if end}

    async def at_the_end() -> bool:
        return await moved(database) == ends

    await until(at_the_end, "all is projected")


@asynccontextmanager
async def projecting(stack: Stack, database: Database, folder: Path) -> AsyncIterator[Worker]:
    """A worker that has projected all there is."""
    with running_worker(stack, folder / "worker.log") as worker:
        await until_projected(stack, database)
        yield worker


async def assert_refuses(stack: Stack, database: Database, folder: Path, sentence: str) -> None:
    """A worker ends with this sentence and code 1, and leaves all as it was."""
    rows, positions = await read_rows(database), await moved(database)
    with running_worker(stack, folder / "refused.log") as worker:
        assert await worker.until_ended() == 1
    assert sentence in worker.said
    assert await read_rows(database) == rows
    assert await moved(database) == positions


async def moved(database: Database) -> Offsets:
    """The positions that aren't at the beginning."""
    return {key: offset for key, offset in (await projected(database)).items() if offset}


async def test_the_same_log_is_taken_up_again(
    projected_log: Stack, database: Database, tmp_path: Path
) -> None:
    await append_some(projected_log, tmp_path, rounds=2, seed=1)
    async with projecting(projected_log, database, tmp_path):
        log = await read_log(projected_log.kafka_settings)
        assert await read_rows(database) == expected_rows(log)


@pytest.mark.parametrize("rounds", [0, 3])
async def test_a_log_that_lost_its_end(
    projected_log: Stack, database: Database, tmp_path: Path, rounds: int
) -> None:
    await projected_log.reset_topics()
    await append_some(projected_log, tmp_path, rounds)
    await assert_refuses(
        projected_log, database, tmp_path, f"the log was replaced or lost its end; {REMEDY}"
    )


@pytest.mark.parametrize("rounds", [4, 6])
async def test_a_log_of_other_records(
    projected_log: Stack, database: Database, tmp_path: Path, rounds: int
) -> None:
    """As many as there were, or more: their number says nothing."""
    await projected_log.reset_topics()
    await append_some(projected_log, tmp_path, rounds, seed=1)
    await assert_refuses(projected_log, database, tmp_path, f"the log was replaced; {REMEDY}")


async def test_a_log_that_lost_its_beginning(
    projected_log: Stack, database: Database, tmp_path: Path
) -> None:
    """All that was projected, and something after it that was not."""
    await append_some(projected_log, tmp_path, rounds=2, seed=1)
    await delete_before_ends(projected_log)
    await assert_refuses(projected_log, database, tmp_path, f"the log lost its beginning; {REMEDY}")


async def test_a_log_that_has_lost_its_beginning_from_the_first(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """Nothing was projected yet: what is gone would be missed by nobody."""
    await append_some(stack, tmp_path, rounds=2)
    await delete_before_ends(stack)
    await assert_refuses(stack, database, tmp_path, f"the log lost its beginning; {REMEDY}")


async def test_another_cluster_s_log(
    projected_log: Stack, database: Database, tmp_path: Path
) -> None:
    await database.execute("UPDATE dawalog.installation SET cluster_id = 'another'")
    await assert_refuses(
        projected_log, database, tmp_path, "this database projects the log of Kafka cluster another"
    )


async def test_a_log_that_loses_its_end_while_it_is_projected(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """It neither waits until the log is as long again, nor starts over: it ends."""
    await append_some(stack, tmp_path, rounds=4)
    async with projecting(stack, database, tmp_path) as worker:
        before = await read_rows(database)
        positions = await projected(database)
        await stack.reset_topics()
        await append_some(stack, tmp_path, rounds=1, seed=1)
        assert await worker.until_ended() == 1
    assert await read_rows(database) == before
    assert await projected(database) == positions
    await assert_refuses(stack, database, tmp_path, REMEDY)


async def test_a_log_that_loses_records_while_it_is_projected(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """The next fetch is for what is gone. It doesn't go on with what is left."""
    await append_some(stack, tmp_path, rounds=4)
    async with projecting(stack, database, tmp_path) as worker:
        positions = await projected(database)
        worker.signal(signal.SIGSTOP)
        for seed in (1, 2):  # the first answers the fetch that was under way, the second none
            await append_some(stack, tmp_path, rounds=1, seed=seed)
        ends = await log_ends(stack.kafka_settings)
        await delete_before_ends(stack)
        await append_some(stack, tmp_path, rounds=1, seed=3)
        worker.signal(signal.SIGCONT)
        assert await worker.until_ended() == 1
        assert "the log has lost what comes next, or its end" in worker.said
    for place, offset in (await projected(database)).items():
        assert positions[place] <= offset < ends[place] or place[0] != STOCK_EVENTS


async def delete_before_ends(stack: Stack) -> None:
    ends: Offsets = await log_ends(stack.kafka_settings)
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records(
            {
                TopicPartition(topic, partition): RecordsToDelete(before_offset=end)
                for (topic, partition), end in ends.items()
                if topic == STOCK_EVENTS
            }
        )
    finally:
        await admin.close()
