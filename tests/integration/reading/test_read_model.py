"""Finding the live model, and Postgres coming and going."""

import asyncio

import asyncpg
import pytest

from projections.queries.positions import find_positions
from projections.queries.stock import find_stock
from projections.reading import ReadModel
from projections.schema import create_model
from projections.settings import ReadingSettings
from stream.errors import Unavailable
from tests.integration.reading.rows import Rows
from tests.stack import Stack


async def switch(rows: Rows, number: int) -> None:
    await rows.connection.execute("UPDATE dawalog.live_model SET number = $1", number)


async def test_follows_the_live_model(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    assert await find_stock(model, facility_id="F1", partition=0)
    async with rows.connection.transaction():
        await create_model(rows.connection, 2)
    await switch(rows, 2)
    assert await find_stock(model, facility_id="F1", partition=0) is None
    await rows.connection.execute("SET search_path TO model_2")
    await rows.add_facility("F1")
    await rows.connection.execute("DROP SCHEMA model_1 CASCADE")
    assert await find_stock(model, facility_id="F1", partition=0)


async def test_no_read_sees_the_model_before(model: ReadModel, rows: Rows) -> None:
    """Each model's position tells which one answered; after the switch it is the new one."""
    async with rows.connection.transaction():
        await create_model(rows.connection, 2)
    for number in (1, 2):
        await rows.connection.execute(f"SET search_path TO model_{number}")
        await rows.add_position("reference", 0, number)
    for live in (2, 1, 2):
        await asyncio.gather(*(find_positions(model) for _ in range(20)))
        await switch(rows, live)
        answers = await asyncio.gather(*(find_positions(model) for _ in range(20)))
        assert {answer.next_offsets["reference", 0] for answer in answers} == {live}


async def test_no_model_yet(model: ReadModel, rows: Rows) -> None:
    await rows.connection.execute("DELETE FROM dawalog.live_model")
    with pytest.raises(Unavailable):
        await find_positions(model)


async def test_an_empty_database(running: Stack, settings: ReadingSettings) -> None:
    model = ReadModel(
        ReadingSettings(database_url=running.database_url.rpartition("/")[0] + "/postgres")
    )
    await model.start()
    with pytest.raises(Unavailable):
        await find_positions(model)
    await model.stop()


async def test_starts_without_postgres() -> None:
    model = ReadModel(ReadingSettings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    await model.start()
    with pytest.raises(Unavailable):
        await find_positions(model)
    await model.stop()


async def test_recovers_when_all_sessions_are_ended(model: ReadModel, rows: Rows) -> None:
    await asyncio.gather(*(find_positions(model) for _ in range(5)))
    ended = await rows.connection.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'dawalog-read'"
    )
    assert ended
    while True:
        try:
            await find_positions(model)
        except Unavailable:
            continue
        break


async def test_a_slow_statement_is_ended(settings: ReadingSettings) -> None:
    model = ReadModel(settings.model_copy(update={"read_statement_timeout_seconds": 0.05}))
    await model.start()
    with pytest.raises(Unavailable):
        await model.fetch("SELECT pg_sleep(5)")
    await model.stop()


async def test_it_cannot_write(model: ReadModel, rows: Rows) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await model.fetch("CREATE TABLE public.t ()")
