"""A worker whose consumer died silently notices by itself, and ends so as to be started again."""

from pathlib import Path

import pytest

from infra.local.ports import free_port
from stream.topics import STOCK_EVENTS
from tests.exposition import scrape
from tests.full_log import append_bytes
from tests.log_reading import Database
from tests.stack import Stack
from tests.waiting import until
from tests.workers import running_worker

pytestmark = pytest.mark.timeout(120)

DEAF = ("-m", "tests.system.deaf_worker")
STUCK_SECONDS = 6


async def test_worker_that_fetches_nothing_says_so_and_ends(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    marker, port = tmp_path / "deaf", free_port()
    settings = {
        "GO_DEAF": str(marker),
        "DAWALOG_WORKER_STUCK_SECONDS": str(STUCK_SECONDS),
        "DAWALOG_WORKER_METRICS_PORT": str(port),
    }

    async def lag() -> float | None:
        exposition = await scrape(f"http://127.0.0.1:{port}")
        return exposition.value("dawalog_projection_lag_records", {"topic": STOCK_EVENTS})

    async def is_projected() -> bool:
        return bool(await database.fetchval("SELECT count(*) FROM dead_letter"))

    async def is_deaf() -> bool:
        return not marker.exists()

    async def waits() -> bool:
        return await lag() == 2

    with running_worker(stack, tmp_path / "deaf.log", command=DEAF, **settings) as worker:
        await worker.until_claimed()
        await append_bytes(stack, STOCK_EVENTS, b"heard", partition=3)
        await until(is_projected, "the worker hears")
        marker.touch()
        await until(is_deaf, "it goes deaf")
        for partition in (3, 5):
            await append_bytes(stack, STOCK_EVENTS, b"not heard", partition=partition)
        await until(waits, "the lag is told", seconds=STUCK_SECONDS)
        assert await worker.until_ended() == 1
    assert "2 records are waiting and nothing moved" in worker.said
