"""Waiting for positions: woken by NOTIFY, by polling without it, in one query for all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from api import projected as module
from api.projected import Projected
from projections.reading import ReadModel, Snapshot
from projections.settings import ReadingSettings
from stream.errors import Rejected, Unavailable
from stream.tokens import PositionToken
from tests.integration.reading.rows import Rows
from tests.stack import Stack

PLACE = ("stock-events", 1)
NEVER = 1000.0

Wanted = Callable[[int], PositionToken]


@pytest.fixture
def wanted(running: Stack) -> Wanted:
    return lambda next_offset: PositionToken(running.cluster_id, {PLACE: next_offset})


@pytest.fixture
async def projected(
    model: ReadModel, settings: ReadingSettings, rows: Rows
) -> AsyncIterator[Projected]:
    await rows.add_position(*PLACE, 5)
    projected = Projected(model, settings)
    await projected.start()
    await new_listener(rows)
    yield projected
    await projected.stop()


async def new_listener(rows: Rows, other_than: int | None = None) -> int:
    """Wait until a session listens, and return its backend's pid."""
    while True:
        pid: int | None = await rows.connection.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'dawalog-listen' "
            "AND query LIKE 'LISTEN%' AND state = 'idle' AND pid IS DISTINCT FROM $1",
            other_than,
        )
        if pid is not None:
            return pid
        await asyncio.sleep(0.01)


async def end_listener(rows: Rows) -> int:
    pid = await new_listener(rows)
    await rows.connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    return pid


async def begin(projected: Projected, waiting: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start waiting, and return once it has looked for the first time in vain."""
    task = asyncio.create_task(waiting)
    while projected._asking is None or not projected._asking.done():
        await asyncio.sleep(0)
    return task


async def test_reached_already(projected: Projected, wanted: Wanted) -> None:
    await projected.wait_for(wanted(5), seconds=0)


async def test_without_time_to_wait_it_looks_once(projected: Projected, wanted: Wanted) -> None:
    with pytest.raises(Unavailable) as unavailable:
        await projected.wait_for(wanted(6), seconds=0)
    assert unavailable.value.retry_after_seconds >= 1


async def test_gives_up_in_time(projected: Projected, wanted: Wanted) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    with pytest.raises(Unavailable):
        await projected.wait_for(wanted(6), seconds=0.3)
    assert 0.3 <= clock() - began < 3


async def test_another_installation(projected: Projected) -> None:
    with pytest.raises(Rejected):
        await projected.wait_for(PositionToken("another", {PLACE: 1}), seconds=30)


async def test_a_notification_wakes(
    projected: Projected, wanted: Wanted, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", NEVER)
    waiting = await begin(projected, projected.wait_for(wanted(6), seconds=NEVER))
    await rows.add_position(*PLACE, 6)
    await rows.connection.execute("NOTIFY dawalog_projected")
    await waiting


async def test_polling_stands_in_for_a_lost_listener(
    projected: Projected, wanted: Wanted, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT_SECONDS", NEVER)
    await end_listener(rows)
    waiting = await begin(projected, projected.wait_for(wanted(6), seconds=NEVER))
    await rows.add_position(*PLACE, 6)
    await waiting


async def test_a_lost_listener_comes_back(
    projected: Projected, wanted: Wanted, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.01)
    monkeypatch.setattr(module, "POLL_SECONDS", NEVER)
    await new_listener(rows, other_than=await end_listener(rows))
    waiting = await begin(projected, projected.wait_for(wanted(6), seconds=NEVER))
    await rows.add_position(*PLACE, 6)
    await rows.connection.execute("NOTIFY dawalog_projected")
    await waiting


async def test_one_listener_and_few_queries_for_many_who_wait(
    projected: Projected,
    wanted: Wanted,
    model: ReadModel,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", NEVER)
    asked = 0
    fetch = model.fetch

    async def counted_fetch(statement: str, *arguments: object) -> Snapshot:
        nonlocal asked
        asked += 1
        return await fetch(statement, *arguments)

    monkeypatch.setattr(model, "fetch", counted_fetch)
    waiting = [
        await begin(projected, projected.wait_for(wanted(6), seconds=NEVER)) for _ in range(100)
    ]
    asked_at_first = asked
    await rows.add_position(*PLACE, 6)
    await rows.connection.execute("NOTIFY dawalog_projected")
    await asyncio.gather(*waiting)
    assert asked - asked_at_first <= 2
    assert (
        await rows.connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dawalog-listen'"
        )
        == 1
    )


async def test_goes_on_waiting_while_postgres_is_away(
    projected: Projected,
    wanted: Wanted,
    model: ReadModel,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch, failures = model.fetch, 3

    async def failing_fetch(statement: str, *arguments: object) -> Snapshot:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("Postgres is away")
        return await fetch(statement, *arguments)

    monkeypatch.setattr(model, "fetch", failing_fetch)
    await projected.wait_for(wanted(5), seconds=NEVER)
    assert not failures


async def test_those_who_stop_waiting_leave_the_others_alone(
    projected: Projected, wanted: Wanted, rows: Rows
) -> None:
    leaving = await begin(projected, projected.wait_for(wanted(6), seconds=NEVER))
    staying = asyncio.create_task(projected.wait_for(wanted(6), seconds=NEVER))
    leaving.cancel()
    await rows.add_position(*PLACE, 6)
    await staying
    assert leaving.cancelled()
