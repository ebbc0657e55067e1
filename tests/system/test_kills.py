"""SIGKILL of any part in random order under load: nothing acknowledged is lost or done twice.

`DAWALOG_TEST_KILLS` is how many the long series has (20; `-m slow`), `DAWALOG_TEST_SEED` in which
order and when (printed; else random).
Broken on purpose once, to see the first test fail: `stream.lanes` answering that a record is in the
log where it doesn't know.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from stream.settings import KafkaSettings
from tests.log_reading import Database, log_ends, projected, read_log
from tests.posting import BATCH_EVENTS, FACILITIES, Posting, posting
from tests.read_model import Key, expected_rows, read_rows
from tests.system.service import Service
from tests.waiting import until

KILLS = int(os.environ.get("DAWALOG_TEST_KILLS", "20"))
SEED = os.environ.get("DAWALOG_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
PARTS = ("api", "kafka", "postgres", "worker-1")
MOMENTS = ("at once", "posted", "posted", "visible")
"""When the next part is killed: while the last one is away, when posts go through again, or when
they show."""
KAFKA_AGAIN = 4
"""So often it is killed again as it comes back, the first time: with the keeper's growing delays
it is then away for longer than an append waits, and nobody knows what became of what was sent."""
UNDER_WAY = len(FACILITIES) * BATCH_EVENTS
BACK_SECONDS = 60
WORKER_BACK_SECONDS = 6


@pytest.mark.timeout(360)
@pytest.mark.parametrize("kills", [4, pytest.param(KILLS, marks=pytest.mark.slow)])
async def test_kills_in_random_order_lose_and_double_nothing(service: Service, kills: int) -> None:
    print(f"DAWALOG_TEST_SEED={SEED}")
    dice = random.Random(SEED)
    url = await asyncio.to_thread(service.start)
    async with posting(url) as pharmacies:
        # A facility that is in the log, but not projected, is unknown to an API that starts anew.
        await until_visible(service.database_url, await until_posted(pharmacies))
        for number, name, moment in plan(dice, kills):
            pid = await kill(service, name)
            if name == "kafka" and number < len(PARTS):
                for _ in range(KAFKA_AGAIN):
                    pid = await kill(service, name, but=pid)
            print(
                f"{number + 1}: killed {name} after {len(pharmacies.acknowledged)} acknowledged, "
                f"the next one: {moment}"
            )
            await some_go_on(moment, pharmacies, service.database_url)
    assert len(pharmacies.acknowledged) > 10 * kills
    await until_visible(service.database_url, pharmacies.acknowledged[-1])
    await assert_exact(service, pharmacies.acknowledged)
    assert await asyncio.to_thread(service.stop) == 0


def plan(dice: random.Random, kills: int) -> list[tuple[int, str, str]]:
    """Rounds in which each part is killed once, and each moment comes once, paired by chance."""
    rounds = -(-kills // len(PARTS))
    names = [name for _ in range(rounds) for name in dice.sample(PARTS, len(PARTS))]
    moments = [moment for _ in range(rounds) for moment in dice.sample(MOMENTS, len(MOMENTS))]
    return list(zip(range(kills), names, moments, strict=False))


async def kill(service: Service, name: str, but: int = 0) -> int:
    """Kill it, as soon as it runs, as another process than `but`; returns its pid."""
    pid = 0

    async def killed() -> bool:
        nonlocal pid
        with suppress(ProcessLookupError):  # it ended by itself
            pid = service.pids().get(name, but)  # it isn't back yet
            if pid not in (0, but):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    await until(killed, f"{name} runs", BACK_SECONDS)
    return pid


async def some_go_on(moment: str, pharmacies: Posting, url: str) -> None:
    match moment:
        case "posted":
            await until_posted(pharmacies)
        case "visible":
            await until_visible(url, await until_posted(pharmacies))


async def until_posted(pharmacies: Posting) -> Key:
    """Wait until more is acknowledged than was under way; returns the newest."""
    wanted = len(pharmacies.acknowledged) + UNDER_WAY + 1

    async def more() -> bool:
        return len(pharmacies.acknowledged) >= wanted

    await until(more, "posts go through", BACK_SECONDS)
    return pharmacies.acknowledged[-1]


async def until_visible(url: str, key: Key) -> None:
    async def visible() -> bool:
        try:
            async with reading(url) as database:
                return bool(
                    await database.fetchval(
                        "SELECT count(*) FROM event JOIN facility_number USING (facility_no)"
                        " WHERE facility_id = $1 AND event_id = $2",
                        *key,
                    )
                )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # killed, too

    await until(visible, "an acknowledged event shows", BACK_SECONDS)


async def assert_exact(service: Service, acknowledged: list[Key]) -> None:
    """Everything is projected, and every row is what the definition says of the log."""
    kafka = KafkaSettings(kafka_bootstrap_servers=service.bootstrap_servers)
    ends = await log_ends(kafka)
    async with reading(service.database_url) as database:

        async def at_the_end() -> bool:
            return await projected(database) == ends

        await until(at_the_end, "positions at the log's end", BACK_SECONDS)
        rows = await read_rows(database)
        assert set(acknowledged) <= rows.events.keys()
        assert rows == expected_rows(await read_log(kafka))
        assert await database.fetchval("SELECT count(*) FROM dead_letter") == 0


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(url, server_settings={"search_path": "model_1"})
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.timeout(120)
@pytest.mark.alone
async def test_killed_worker_applies_again_within_seconds(new_service: Service) -> None:
    service = new_service
    url = await asyncio.to_thread(service.start)
    database_url = service.database_url
    loop = asyncio.get_running_loop()
    took = []
    async with posting(url) as pharmacies:
        for _ in range(2):
            await until_visible(database_url, await until_posted(pharmacies))
            pid = service.pids()["worker-1"]
            assert b"DAWALOG_WORKER_INSTANCE_ID=worker-1\0" in environment_of(pid)
            os.kill(pid, signal.SIGKILL)
            killed_at = loop.time()
            await until_visible(database_url, await until_posted(pharmacies))
            took.append(loop.time() - killed_at)
    print(f"applied again {took[0]:.1f} and {took[1]:.1f} s after SIGKILL")
    assert max(took) < WORKER_BACK_SECONDS
    assert await asyncio.to_thread(service.stop) == 0
