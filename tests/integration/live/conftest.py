"""Fixtures of the tests of live push and pull."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.live.service import Api, running_api
from tests.stack import Stack
from tests.workers import Worker, running_worker


@pytest.fixture
async def api(stack: Stack, tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(stack, tmp_path) as api:
        yield api


@pytest.fixture
def worker(stack: Stack, tmp_path: Path) -> Iterator[Worker]:
    with running_worker(stack, tmp_path / "worker.log") as worker:
        yield worker
