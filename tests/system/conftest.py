"""Fixtures of the system tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service, copy_folder


@pytest.fixture
def new_service(tmp_path: Path) -> Iterator[Service]:
    """A service that is not started yet, on a folder that doesn't exist yet."""
    made = Service(folder=tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def service(stopped_folder: Path, tmp_path: Path) -> Iterator[Service]:
    """A service that ran once and was stopped before anything was posted."""
    made = Service(folder=copy_folder(stopped_folder, tmp_path / "data"))
    yield made
    made.close()
