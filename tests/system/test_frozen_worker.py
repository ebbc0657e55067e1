"""A worker that freezes past its session is replaced, and can't write when it wakes up.

Broken on purpose once, to see these tests fail: `projections.positions.MOVE` without its compare
of epoch and next_offset, `infra.worker` without `watch_standstill`, worker sessions in Postgres
without `idle_in_transaction_session_timeout`, positions moved in a transaction of their own before
the rows, and `stream.batches` raising for partitions that nothing was committed of.
"""

import asyncio
import signal
from pathlib import Path

import pytest

from stream.topics import STOCK_EVENTS
from tests.feeding import feeding
from tests.log_reading import Database, Offsets, log_ends, projected, read_log
from tests.read_model import expected_rows, read_rows
from tests.stack import PARTITIONS, Stack
from tests.system.service import wait_until
from tests.waiting import until
from tests.workers import Worker, running_worker

pytestmark = pytest.mark.timeout(120)

TAKEN_OVER_SECONDS = 20
FREEZING_MOMENTS = ("FREEZE_BEFORE_TRANSACTION", "FREEZE_BEFORE_COMMIT")
FREEZING = ("-m", "tests.system.freezing_worker")


async def test_second_worker_shares_the_work(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """Handing partitions over under load is everyday: nobody dies of it."""
    async with feeding(stack, tmp_path):
        with running_worker(stack, tmp_path / "first.log") as first:
            await first.until_claimed()
            with running_worker(stack, tmp_path / "second.log") as second:
                await second.until_claimed()
                await all_move_on(database)
                assert first.process.poll() is None, first.said
            await all_move_on(database)
            assert first.process.poll() is None, first.said
    assert second.process.returncode == 0


async def test_frozen_worker_is_replaced_and_gives_up(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """It froze idle, so it has nothing to write that would tell it."""
    with (
        running_worker(stack, tmp_path / "frozen.log") as frozen,
        running_worker(stack, tmp_path / "other.log") as other,
    ):
        async with feeding(stack, tmp_path):
            await frozen.until_claimed()
            await other.until_claimed()
            await all_move_on(database)
        await assert_exact(stack, database)
        frozen.signal(signal.SIGSTOP)
        await other.until_claimed(PARTITIONS + 1, within=TAKEN_OVER_SECONDS)
        async with feeding(stack, tmp_path, seed=1):
            await all_move_on(database)
        await assert_gives_up(frozen)
        assert "stood still" in frozen.said
        assert other.process.poll() is None, other.said
        await assert_exact(stack, database)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        ("FREEZE_BEFORE_TRANSACTION", "another worker owns a partition of this batch now"),
        ("FREEZE_BEFORE_COMMIT", "terminating connection due to idle-in-transaction timeout"),
    ],
)
async def test_worker_frozen_while_projecting_is_replaced_and_fails(
    stack: Stack, database: Database, tmp_path: Path, moment: str, reason: str
) -> None:
    """It stops itself in the worst places, and must fail at its next step."""
    markers = {name: tmp_path / name for name in FREEZING_MOMENTS}
    settings = {name: str(marker) for name, marker in markers.items()}
    with (
        running_worker(stack, tmp_path / "frozen.log", command=FREEZING, **settings) as frozen,
        running_worker(stack, tmp_path / "other.log") as other,
    ):
        async with feeding(stack, tmp_path):
            await frozen.until_claimed()
            await other.until_claimed()
            await all_move_on(database)
            await asyncio.to_thread(markers[moment].touch)
            await asyncio.to_thread(wait_until, lambda: is_frozen(frozen), "it froze")
            await all_move_on(database, within=TAKEN_OVER_SECONDS)
            await assert_gives_up(frozen)
            assert reason in frozen.said
            await all_move_on(database)
        assert other.process.poll() is None, other.said
        await assert_exact(stack, database)


def is_frozen(worker: Worker) -> bool:
    stat = Path(f"/proc/{worker.process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


async def assert_gives_up(frozen: Worker) -> None:
    """Thaw it: it ends with a failure."""
    assert frozen.process.poll() is None, frozen.said
    frozen.signal(signal.SIGCONT)
    assert await frozen.until_ended() == 1, frozen.said


async def assert_exact(stack: Stack, database: Database) -> None:
    """All is projected, and every row is what the definition says."""
    ends = await log_ends(stack.kafka_settings)

    async def at_the_end() -> bool:
        return await projected(database) == ends

    await until(at_the_end, "all is projected")
    assert await read_rows(database) == expected_rows(await read_log(stack.kafka_settings))
    assert await database.fetchval("SELECT count(*) FROM dead_letter") == 0


async def all_move_on(database: Database, within: float = 30) -> None:
    """Wait until every partition of events was projected further than it is now."""

    async def offsets() -> Offsets:
        return await projected(database)

    before = await offsets()

    async def moved() -> bool:
        now = await offsets()
        moves = [
            offset > before.get((topic, partition), 0)
            for (topic, partition), offset in now.items()
            if topic == STOCK_EVENTS
        ]
        return len(moves) > 1 and all(moves)

    await until(moved, "every partition went on", within)
