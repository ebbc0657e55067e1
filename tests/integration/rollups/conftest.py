"""An API over figures that were filled in by hand, so that each answer can be computed by hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from api.app import create_app
from api.settings import ApiSettings
from tests.integration.rollups.figures import Figures
from tests.stack import Stack


@pytest.fixture
async def figures(stack: Stack) -> AsyncIterator[Figures]:
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute("SET search_path TO model_1")
    yield Figures(connection)
    connection.terminate()


@pytest.fixture
async def client(
    stack: Stack, figures: Figures, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        ApiSettings(
            open_access=True,
            kafka_bootstrap_servers=stack.bootstrap_servers,
            database_url=stack.database_url,
            key_file=tmp_path / "keys.json",
            state="RJ",
        )
    )
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://dawalog", timeout=30) as client,
    ):
        yield client
