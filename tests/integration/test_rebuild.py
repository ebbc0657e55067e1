"""A rebuild gives the same rows in a new model, goes on where it stopped, never spoils the old."""

import signal
from pathlib import Path

import asyncpg
import pytest

from projections.models import find_unfinished
from projections.rebuild import Rebuilt, rebuild
from projections.schema import DEFINITION, find_live_model
from projections.settings import ProjectorSettings
from stream.errors import Conflict, Corrupt
from tests.all_rows import read_all_rows
from tests.feeding import append_some
from tests.full_log import append_everything, project_log
from tests.log_reading import Database
from tests.stack import Stack
from tests.waiting import until
from tests.workers import running_worker

pytestmark = pytest.mark.timeout(120)

COMMAND = ("-P", "-m", "infra.cli", "rebuild")
EPOCHS = "SELECT topic, partition, epoch FROM model_{}.position"
SMALL_STEPS = {"DAWALOG_PROJECTOR_TRANSACTION_LINES": "10"}


async def make_anew(stack: Stack) -> Rebuilt:
    settings = ProjectorSettings(database_url=stack.database_url)
    return await rebuild(settings, stack.kafka_settings, grace_seconds=0)


async def live_model(database: Database) -> int:
    number: int = await database.fetchval("SELECT number FROM dawalog.live_model")
    return number


async def models(database: Database) -> set[str]:
    rows = await database.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'model%'")
    return {row["nspname"] for row in rows}


async def count_filled(database: Database) -> int:
    """Records that are projected into model 2 so far."""
    filled = await database.fetchval("SELECT sum(next_offset)::bigint FROM model_2.position")
    return int(filled or 0)


async def has_events(database: Database) -> bool:
    try:
        return bool(await database.fetchval("SELECT EXISTS (SELECT FROM model_2.event)"))
    except asyncpg.UndefinedTableError:
        return False


@pytest.fixture
async def full(stack: Stack, database: Database, tmp_path: Path) -> Database:
    """A live model with rows in each table."""
    await append_everything(stack, tmp_path)
    await project_log(stack)
    return database


@pytest.fixture
async def half_done(stack: Stack, full: Database, tmp_path: Path) -> Database:
    """A rebuild was killed while it was filling."""
    await append_some(stack, tmp_path, rounds=50, seed=1)
    await project_log(stack)

    with running_worker(stack, tmp_path / "rebuild.log", command=COMMAND, **SMALL_STEPS) as killed:
        await until(lambda: has_events(full), "the new model is being filled")
        killed.signal(signal.SIGKILL)
        await killed.until_ended()
    assert (await live_model(full), await find_unfinished(full)) == (1, 2), killed.said
    return full


async def test_gives_the_same_rows(stack: Stack, full: Database) -> None:
    before = await read_all_rows(full)
    epochs = {(row[0], row[1]): row[2] for row in await full.fetch(EPOCHS.format(1))}
    rebuilt = await make_anew(stack)
    assert (rebuilt.model, rebuilt.resumed) == (2, False)
    assert rebuilt.records == sum(offset for offset, *_ in before["position"].values())
    assert rebuilt.verdict is not None
    assert rebuilt.verdict.events == len(before["event"])
    assert await read_all_rows(full) == before
    assert await live_model(full) == await find_live_model(full, cluster_id=stack.cluster_id) == 2
    assert await models(full) == {"model_2"}
    assert await find_unfinished(full) is None
    for topic, partition, epoch in await full.fetch(EPOCHS.format(2)):
        assert epoch > epochs[topic, partition]


async def test_goes_on_where_it_was_killed(stack: Stack, half_done: Database) -> None:
    before = await read_all_rows(half_done)
    done = await count_filled(half_done)
    rebuilt = await make_anew(stack)
    assert (rebuilt.model, rebuilt.resumed) == (2, True)
    assert rebuilt.records == sum(row[0] for row in before["position"].values()) - done
    assert await read_all_rows(half_done) == before


async def test_starts_over_for_another_definition(stack: Stack, half_done: Database) -> None:
    before = await read_all_rows(half_done)
    await half_done.execute("UPDATE dawalog.rebuild SET definition = definition + 1")
    rebuilt = await make_anew(stack)
    assert (rebuilt.model, rebuilt.resumed) == (3, False)
    assert await read_all_rows(half_done) == before
    assert await models(half_done) == {"model_3"}


async def test_starts_over_for_another_log(
    stack: Stack, half_done: Database, tmp_path: Path
) -> None:
    """What was projected of a log that is gone is replaced by what the log holds now."""
    await stack.reset_topics()
    await append_some(stack, tmp_path, rounds=2)
    rebuilt = await make_anew(stack)
    assert (rebuilt.model, rebuilt.resumed) == (3, False)
    assert rebuilt.verdict is not None
    assert rebuilt.verdict.events == await half_done.fetchval("SELECT count(*) FROM model_3.event")


async def test_a_model_with_drift_does_not_go_live(stack: Stack, half_done: Database) -> None:
    before = await read_all_rows(half_done)
    await half_done.execute("UPDATE model_2.event SET type = 'stock_issued'")
    with pytest.raises(Corrupt, match="type is stock_issued and must be"):
        await make_anew(stack)
    assert await live_model(half_done) == 1
    rebuilt = await make_anew(stack)
    assert (rebuilt.model, rebuilt.resumed) == (2, False)
    assert await read_all_rows(half_done) == before


async def test_replaces_a_model_that_this_program_refuses(stack: Stack, full: Database) -> None:
    before = await read_all_rows(full)
    await full.execute("UPDATE dawalog.live_model SET definition = $1", DEFINITION + 1)
    with pytest.raises(Corrupt, match="dawalog rebuild"):
        await find_live_model(full, cluster_id=stack.cluster_id)
    await make_anew(stack)
    assert await find_live_model(full, cluster_id=stack.cluster_id) == 2
    assert await read_all_rows(full) == before


async def test_replaces_a_model_that_is_gone(stack: Stack, full: Database) -> None:
    before = await read_all_rows(full)
    await full.execute("DROP SCHEMA model_1 CASCADE")
    await make_anew(stack)
    assert await read_all_rows(full) == before


async def test_one_at_a_time(stack: Stack, full: Database) -> None:
    await full.execute("SELECT pg_advisory_lock($1)", 0x6461_7762)
    with pytest.raises(Conflict, match="running already"):
        await make_anew(stack)
    assert await models(full) == {"model_1"}
