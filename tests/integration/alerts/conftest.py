"""A timeline on an emptied read model, and the API over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api import api_settings, running_client
from tests.integration.alerts.timeline import Timeline, open_timeline
from tests.stack import Stack


@pytest.fixture
async def timeline(
    running: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Timeline]:
    await running.reset_database()
    async with open_timeline(running, tmp_path, monkeypatch) as timeline:
        yield timeline


@pytest.fixture
async def client(
    stack: Stack, timeline: Timeline, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    async with running_client(api_settings(stack, tmp_path)) as client:
        yield client
