"""Fixtures that any test may use."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, running_stack


@pytest.fixture(scope="session")
def running() -> Iterator[Stack]:
    """The session's servers, in whatever state the last test left them."""
    with (
        tempfile.TemporaryDirectory(prefix="dawalog-test-", ignore_cleanup_errors=True) as folder,
        running_stack(Path(folder)) as stack,
    ):
        yield stack


@pytest.fixture
async def stack(running: Stack) -> Stack:
    """Real Kafka and Postgres, emptied for this test."""
    await running.reset()
    return running
