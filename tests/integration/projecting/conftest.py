"""A lane on an emptied read model."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from stream.topics import STOCK_EVENTS
from tests.integration.projecting.one_lane import OneLane
from tests.log_reading import Database
from tests.records import Writer
from tests.stack import Stack


@pytest.fixture
async def database(running: Stack) -> AsyncIterator[Database]:
    """The emptied live model, with partition 0 claimed once."""
    await running.reset_database()
    connection = await asyncpg.connect(
        running.database_url, server_settings={"search_path": "model_1"}
    )
    await connection.execute(
        "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", STOCK_EVENTS
    )
    yield connection
    await connection.close()


@pytest.fixture
def one(database: Database) -> OneLane:
    return OneLane(database)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)
