"""An API and a worker on emptied servers."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.api import api_settings, running_client
from tests.integration.alerts.timeline import INDIA, Timeline, open_timeline
from tests.stack import Stack
from tests.workers import Worker, running_worker


@pytest.fixture
async def client(stack: Stack, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running_client(api_settings(stack, tmp_path)) as client:
        yield client


@pytest.fixture
def worker(stack: Stack, tmp_path: Path) -> Iterator[Worker]:
    with running_worker(stack, tmp_path / "worker.log") as worker:
        yield worker


@pytest.fixture
async def lately(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Timeline]:
    """A timeline that began 30 days ago: reads know no other clock than that of today."""
    first = datetime.now(INDIA) - timedelta(days=30)
    async with open_timeline(stack, tmp_path, monkeypatch, first) as timeline:
        yield timeline
