"""A timeline on an emptied read model, and the API over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from projections import lane as lane_module
from stream.keyring import KeyRing
from tests.api import api_settings, running_client
from tests.integration.alerts.timeline import Timeline
from tests.stack import Stack


@pytest.fixture
async def timeline(
    running: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Timeline]:
    await running.reset_database()
    connection = await asyncpg.connect(
        running.database_url, server_settings={"search_path": "model_1", "timezone": "UTC"}
    )
    timeline = Timeline(connection, KeyRing(tmp_path / "keys.json", "RJ"))
    monkeypatch.setattr(lane_module, "india_today", timeline.today)
    await timeline.open()
    yield timeline
    await connection.close()


@pytest.fixture
async def client(
    stack: Stack, timeline: Timeline, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    async with running_client(api_settings(stack, tmp_path)) as client:
        yield client
