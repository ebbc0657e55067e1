"""Figures that were filled in by hand, so that each answer can be computed by hand; and the real
projector, for what it makes of events.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.integration.alerts.timeline import INDIA, Timeline, open_timeline
from tests.integration.rollups.figures import Figures
from tests.stack import Stack


@pytest.fixture
async def figures(stack: Stack) -> AsyncIterator[Figures]:
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute("SET search_path TO model_1")
    yield Figures(connection)
    connection.terminate()


@pytest.fixture
async def timeline(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Timeline]:
    """Which began 30 days ago: reads know no other clock than that of today."""
    first = datetime.now(INDIA) - timedelta(days=30)
    async with open_timeline(stack, tmp_path, monkeypatch, first) as timeline:
        yield timeline
