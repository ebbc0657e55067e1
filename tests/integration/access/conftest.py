"""An API that asks for tokens, on a real log and read model, with two districts."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.settings import ApiSettings
from api.token_issuer import ensure_key_file
from tests.api import api_settings, client_of, running_app
from tests.integration.access.callers import Callers
from tests.stack import Stack

FACILITIES = {
    "F1": {"district_id": "D1"},
    "F1-C1": {"district_id": "D1", "parent_facility_id": "F1", "level": "COUNTER"},
    "F1-C1-A": {"district_id": "D1", "parent_facility_id": "F1-C1", "level": "COUNTER"},
    "F2": {"district_id": "D2"},
}


@pytest.fixture
def settings(stack: Stack, tmp_path: Path) -> ApiSettings:
    key_file = tmp_path / "token-key.json"
    ensure_key_file(key_file)
    return api_settings(stack, tmp_path, open_access=False, token_key_file=key_file)


@pytest.fixture
async def app(settings: ApiSettings) -> AsyncIterator[FastAPI]:
    async with running_app(settings) as app:
        yield app


@pytest.fixture
async def callers(app: FastAPI, settings: ApiSettings) -> AsyncIterator[Callers]:
    """The facilities are registered."""
    assert settings.token_key_file is not None
    async with client_of(app) as client:
        callers = Callers(client, settings.token_key_file)
        for facility_id, fields in FACILITIES.items():
            record = {"name": facility_id, "level": "PHC", "state": "RJ", **fields}
            answer = await callers.ask(
                callers.nhm, "PUT", f"/v1/facilities/{facility_id}", json=record
            )
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        yield callers
