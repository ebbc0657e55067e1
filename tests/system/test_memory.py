"""A worker's memory over millions of lines. Slow: run it with `pytest -m slow`.

`DAWALOG_TEST_EVENTS` is how many events of three lines (1,000,000). Broken on purpose once, to see
this test fail: a lane that kept its batches.
"""

import os
from pathlib import Path

import pytest

from infra.bench.events import Mix, generate
from infra.bench.preload import CHUNK, chunks, encode
from stream.appending import Appended
from stream.log import EventLog
from tests.log_reading import Database, projected
from tests.stack import PARTITIONS, Stack
from tests.waiting import until
from tests.workers import Worker, running_worker

EVENTS = int(os.environ.get("DAWALOG_TEST_EVENTS", "1000000"))
SAMPLES = 20
GROWTH = 1.10
"""More than sawtooth and noise, far less than what it would keep if it kept anything."""


@pytest.mark.slow
@pytest.mark.timeout(120 + EVENTS // 500)
async def test_memory_stays_flat(stack: Stack, database: Database, tmp_path: Path) -> None:
    await fill(stack, tmp_path)
    with running_worker(stack, tmp_path / "worker.log") as worker:
        await worker.until_claimed()
        sizes = [
            await largest_until(worker, database, EVENTS * (sample + 1) // SAMPLES)
            for sample in range(SAMPLES)
        ]
    print("resident MB by twentieths:", " ".join(f"{size / 1e6:.0f}" for size in sizes))
    early, late = max(sizes[1 : SAMPLES // 4]), max(sizes[-SAMPLES // 4 :])
    assert late < early * GROWTH


async def fill(stack: Stack, folder: Path) -> None:
    log = EventLog(stack.kafka_settings)
    await log.start()
    events = encode(generate(Mix(events=EVENTS)), folder, partitions=PARTITIONS)
    for records in chunks(events, CHUNK):
        assert all(isinstance(answer, Appended) for answer in await log.append(records))
    await log.stop()


async def largest_until(worker: Worker, database: Database, events: int) -> int:
    """The largest resident size, bytes, seen until so many events are projected."""
    largest = 0

    async def reached() -> bool:
        nonlocal largest
        assert worker.process.poll() is None, worker.said
        largest = max(largest, resident_bytes(worker.process.pid))
        return sum((await projected(database)).values()) >= events

    await until(reached, f"{events} events projected", seconds=120 + EVENTS / 1000)
    return largest


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
