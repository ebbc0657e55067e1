"""Fixtures of the system tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that is not started yet, on a folder that doesn't exist yet."""
    made = Service(folder=tmp_path / "data")
    yield made
    made.close()
