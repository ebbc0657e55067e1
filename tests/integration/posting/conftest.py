"""An API that appends to a real log; what is in the log is read back with a plain consumer."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.settings import ApiSettings
from stream.log import EventLog
from tests.api import api_settings, client_of, running_app
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
    return api_settings(stack, tmp_path)


@pytest.fixture
async def app(settings: ApiSettings) -> AsyncIterator[FastAPI]:
    """It knows the facility F1, which it has registered."""
    async with running_app(settings) as app:
        async with client_of(app) as client:
            answer = await client.put("/v1/facilities/F1", json=FACILITY)
            assert answer.status_code == 202
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client
