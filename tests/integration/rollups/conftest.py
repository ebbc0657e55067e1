"""Figures that were filled in by hand, so that each answer can be computed by hand."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.integration.rollups.figures import Figures
from tests.stack import Stack


@pytest.fixture
async def figures(stack: Stack) -> AsyncIterator[Figures]:
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute("SET search_path TO model_1")
    yield Figures(connection)
    connection.terminate()
