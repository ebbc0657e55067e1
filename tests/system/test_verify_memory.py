"""`verify` compares a facility of any size in bounded memory. Slow: run it with `pytest -m slow`.

`DAWALOG_TEST_EVENTS` is how many events of three lines the facility has in a year (50,000; 333,334
make a million lines). Broken on purpose once, to see this test fail: a facility that is folded at
once (more than 400 MB).
"""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.bench.events import Mix
from infra.bench.history import history
from infra.bench.preload import CHUNK, chunks, encode
from stream.appending import Appended
from stream.log import EventLog
from tests.log_reading import Database, log_ends, projected
from tests.stack import PARTITIONS, Stack
from tests.waiting import until
from tests.workers import running_worker

EVENTS = int(os.environ.get("DAWALOG_TEST_EVENTS", "50000"))
MOST_BYTES = 400 * 10**6
MIX = Mix(events=EVENTS, facilities=1, items=400, late=5, counts=1, reversals=1)


@pytest.mark.slow
@pytest.mark.timeout(300 + EVENTS // 50)
async def test_a_large_facility_is_verified_in_bounded_memory(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    await fill(stack, tmp_path)
    ends = await log_ends(stack.kafka_settings)

    async def at_the_end() -> bool:
        return await projected(database) == ends

    with running_worker(stack, tmp_path / "worker.log"):
        await until(at_the_end, "all is projected", 200 + EVENTS / 100)
    verdict, resident_bytes = await asyncio.to_thread(verify, stack)
    print(f"{verdict['seconds']} s, at most {resident_bytes / 1e6:.0f} MB resident")
    assert verdict["drift_rows"] == 0
    assert verdict["events"] == sum(ends.values())
    assert resident_bytes < MOST_BYTES


async def fill(stack: Stack, folder: Path) -> None:
    log = EventLog(stack.kafka_settings)
    await log.start()
    year = history(MIX, 3 * EVENTS, until=datetime.now(UTC), over=timedelta(days=365))
    for records in chunks(encode(year, folder, partitions=PARTITIONS), CHUNK):
        assert all(isinstance(answer, Appended) for answer in await log.append(records))
    await log.stop()


def verify(stack: Stack) -> tuple[dict[str, int], int]:
    """The verdict, and how much memory the process held at most."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "infra.cli", "verify", "--json"],
        env=os.environ | stack.environment,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return json.loads(said), usage.ru_maxrss * 1024
