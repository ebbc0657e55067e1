"""A lane on real Postgres."""

import asyncio
from collections.abc import Iterator

import pytest

from projections import lane as lane_module
from projections.figures.days import india_day
from stream.keyring import KeyRing
from tests.histories import START
from tests.integration.figures.playing import Figures
from tests.stack import Stack

TODAY = india_day(START)
DISTRICTS = ("D-ONE", "D-TWO")


@pytest.fixture(scope="module")
def figures(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Figures]:
    asyncio.run(running.reset_database())
    keys = KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ")
    figures = Figures(running.database_url, keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lane_module, "india_today", lambda: figures.today)
        yield figures
    figures.close()
