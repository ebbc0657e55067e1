"""A year's privacy keys are made once: where the key file was lost, nobody makes others."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from infra.keys import create_keys, destroy_year
from infra.local.ports import free_port
from stream.key_file import read_keys
from tests.api import api_settings, running_client
from tests.full_log import project_log
from tests.integration.posting.bodies import FACILITY, dispense, read_log, receipt
from tests.stack import Stack

PATIENT = {"patient": {"scheme": "abha", "id": "91-2345-6789-0123"}}
PRIVATE: dict[str, Any] = PATIENT | {
    "prescription_ref": "OPD/4711",
    "prescriber": {"name": "Dr Sharma"},
    "note": "half on Friday",
}


async def post(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    await client.put("/v1/facilities/F1", json=FACILITY)
    return await client.post("/v1/events", json=dispense(**fields))


def elsewhere(settings: ApiSettings) -> ApiSettings:
    """A process that finds no key file where it looks."""
    return settings.model_copy(update={"key_file": settings.key_file.parent / "other" / "keys"})


@pytest.mark.parametrize("name", PRIVATE)
async def test_lost_keys_are_restored_and_never_made_again(
    settings: ApiSettings, stack: Stack, name: str
) -> None:
    private = {name: PRIVATE[name]}
    async with running_client(settings) as client:
        assert (await post(client, **private)).status_code == 202
    await project_log(stack)
    fresh = elsewhere(settings)
    async with running_client(fresh) as client:
        for _ in range(2):
            refused = await post(client, **private)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
            assert "no keys of RJ for 2026" in refused.json()["detail"]
        check = await client.post("/v1/events/check", json=dispense(**private))
        assert check.status_code == 503
        assert not fresh.key_file.exists()
        batch = [receipt(), dispense(), dispense(**private)]
        answer = (await client.post("/v1/events/batch", json=batch)).json()
        assert [one["status"] for one in answer["results"]] == ["accepted", "accepted", "rejected"]
        assert "no keys of RJ for 2026" in answer["results"][2]["problem"]["detail"]
        # another year's were never there: as they are missing, they are made
        last_year = "2025-03-01T10:00:00+05:30"
        assert (await post(client, occurred_at=last_year, **private)).status_code == 202
        assert [keys.year for keys in read_keys(fresh.key_file).keys] == [2025]
        fresh.key_file.write_bytes(settings.key_file.read_bytes())
        assert (await post(client, **private)).status_code == 202
    records = b"".join(one.value for one in await read_log(stack))
    assert len(set(re.findall(rb"RJ-2026-\w+", records))) == 1


async def test_an_operator_may_make_others(settings: ApiSettings, stack: Stack) -> None:
    async with running_client(settings) as client:
        assert (await post(client, **PATIENT)).status_code == 202
    await project_log(stack)
    fresh = elsewhere(settings)
    async with running_client(fresh) as client:
        assert (await post(client, **PATIENT)).status_code == 503
        create_keys(fresh.key_file, "RJ", [2026])
        assert (await post(client, **PATIENT)).status_code == 202


async def test_destroyed_keys_are_not_lost(settings: ApiSettings, stack: Stack) -> None:
    async with running_client(settings) as client:
        assert (await post(client, **PATIENT)).status_code == 202
    await project_log(stack)
    destroy_year(settings.key_file, "RJ", 2026, datetime.now(UTC))
    async with running_client(settings) as client:
        assert (await post(client, **PATIENT)).status_code == 202
    assert b'"left_out":["patient"]' in (await read_log(stack))[-1].value


async def test_with_postgres_away_keys_that_there_are_do(stack: Stack, tmp_path: Path) -> None:
    """Whether keys that there aren't were lost, nobody can tell then."""
    url = f"postgresql://127.0.0.1:{free_port()}/dawalog"
    settings = api_settings(stack, tmp_path, database_url=url)
    async with running_client(settings) as client:
        assert (await post(client)).status_code == 202
        assert (await post(client, **PATIENT)).status_code == 503
        create_keys(settings.key_file, "RJ", [2026])
        assert (await post(client, **PATIENT)).status_code == 202
