"""Fixtures that any test may use."""

import os
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.log_reading import Database
from tests.midnight import wait_over_midnight
from tests.stack import Stack, running_stack
from tests.system.service import Service

# A broker of a test lives for seconds: what the JVM's slower compiler gains it never gets back.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

# A busy machine is slow to make even the first example; no test is about that.
settings.register_profile("dawalog", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("dawalog")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that may take long come first, so that no long one is left for the end, alone."""
    longest: dict[Path, float] = defaultdict(float)
    for item in items:
        if marker := item.get_closest_marker("timeout"):
            longest[item.path] = max(longest[item.path], marker.args[0])
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(autouse=True)
def _stay_within_a_day() -> None:
    wait_over_midnight()


@pytest.fixture(scope="session", autouse=True)
def _log_plainly() -> None:
    """By default structlog prints tracebacks with the values of all variables, slowly."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ]
    )


@pytest.fixture(scope="session")
def stopped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an `up` that ran once and was stopped; for copies, see `copy_folder`."""
    service = Service(folder=tmp_path_factory.mktemp("stopped") / "data")
    try:
        service.start()
        assert service.stop() == 0
    finally:
        service.close()
    return service.folder


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


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A connection to the emptied live model."""
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1"}
    )
    yield connection
    await connection.close()
