"""A read model filled by hand, so that reads are tested without a projector."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from projections.reading import ReadModel
from projections.settings import ReadingSettings
from tests.integration.reading.rows import Rows
from tests.stack import Stack


@pytest.fixture
async def settings(running: Stack) -> ReadingSettings:
    await running.reset_database()
    return ReadingSettings(database_url=running.database_url)


@pytest.fixture
async def rows(settings: ReadingSettings) -> AsyncIterator[Rows]:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("SET search_path TO model_1")
    yield Rows(connection)
    connection.terminate()


@pytest.fixture
async def model(settings: ReadingSettings) -> AsyncIterator[ReadModel]:
    model = ReadModel(settings)
    await model.start()
    yield model
    await model.stop()
