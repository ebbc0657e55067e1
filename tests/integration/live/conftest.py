"""Fixtures of the tests of live push and pull."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.live.service import Api, running_api
from tests.stack import Stack


@pytest.fixture
async def api(stack: Stack, tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(stack, tmp_path) as api:
        yield api
