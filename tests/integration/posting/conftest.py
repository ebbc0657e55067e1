"""An API that appends to a real log; what is in the log is read back with a plain consumer."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from stream.log import EventLog
from tests.integration.posting.bodies import FACILITY
from tests.stack import Stack


@pytest.fixture
async def log(stack: Stack) -> AsyncIterator[EventLog]:
    event_log = EventLog(stack.kafka_settings)
    await event_log.start()
    yield event_log
    await event_log.stop()


@pytest.fixture
def settings(stack: Stack, tmp_path: Path) -> ApiSettings:
    return ApiSettings(
        open_access=True,
        kafka_bootstrap_servers=stack.bootstrap_servers,
        database_url=stack.database_url,
        key_file=tmp_path / "keys.json",
        state="RJ",
    )


@pytest.fixture
async def app(settings: ApiSettings) -> AsyncIterator[FastAPI]:
    """It knows the facility F1, which it has registered."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        async with client_of(app) as client:
            answer = await client.put("/v1/facilities/F1", json=FACILITY)
            assert answer.status_code == 202
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://dawalog", timeout=30
    )
