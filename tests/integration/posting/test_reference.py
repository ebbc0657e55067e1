"""Registering facilities, items, districts, norms and closures."""

from typing import Any

import httpx
import orjson
import pytest

from stream.codec import decode_reference
from stream.reference import Facility
from stream.tokens import PositionToken
from tests.integration.posting.bodies import FACILITY, read_log, receipt
from tests.stack import Stack

ITEM = {"name": "Paracetamol 500 mg", "base_unit": "tablet"}
DISTRICT = {"name": "Jaipur", "state": "Rajasthan"}
NORM = {"level": "PHC", "lead_time_days": 30, "safety_days": 15, "review_days": 30}
CLOSURE = {"first_day": "2026-11-08", "last_day": "2026-11-09", "reason": "Diwali"}
DIRECTIVE = {
    "title": "The module is in use",
    "requires": "module_in_use",
    "levels": ["DH", "CHC"],
    "deadline": "2026-11-13",
}
CHAIN = {"state": "Bihar", "steps": [{"officer": "district", "after_hours": 0}]}
THRESHOLD = {"rule": "no_count", "level": "DH", "parameters": {"days": 30}}


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("/v1/facilities/F2", "facility_id", FACILITY),
        ("/v1/items/PCM-500", "item_id", ITEM),
        ("/v1/districts/jaipur", "district_id", DISTRICT),
        ("/v1/norms/N1", "norm_id", NORM),
        ("/v1/closures/C1", "closure_id", CLOSURE),
        ("/v1/directives/D1", "directive_id", DIRECTIVE),
        ("/v1/chains/BR", "chain_id", CHAIN),
        ("/v1/thresholds/DH", "threshold_id", THRESHOLD),
    ],
)
async def test_records_go_into_the_log(
    client: httpx.AsyncClient, stack: Stack, path: str, field: str, body: dict[str, Any]
) -> None:
    answer = await client.put(path, json=body)
    assert answer.status_code == 202
    record_id = path.rpartition("/")[2]
    assert answer.json()[field] == record_id
    assert PositionToken.parse(answer.headers["Dawalog-Position"]).offsets == {("reference", 0): 2}
    found = (await read_log(stack, "reference"))[-1]
    logged = decode_reference(found.key, found.value, found.headers)
    assert getattr(logged, field) == record_id
    assert (logged.recorded_by, logged.source) == ("open", "api")


async def test_defaults_and_names_are_kept(client: httpx.AsyncClient, stack: Stack) -> None:
    body = FACILITY | {
        "names": {"hi": "पीएचसी एक"},
        "location": {"lat": 26, "lon": 75.8},
        "time_zone": None,
        "valid_from": "2026-01-01T00:00:00+05:30",
    }
    assert (await client.put("/v1/facilities/F2", json=body)).status_code == 202
    found = (await read_log(stack, "reference"))[-1]
    logged = decode_reference(found.key, found.value, found.headers)
    assert isinstance(logged, Facility)
    assert logged.time_zone == "Asia/Kolkata"
    assert logged.names == {"hi": "पीएचसी एक"}


async def test_a_registered_facility_takes_events_at_once(client: httpx.AsyncClient) -> None:
    event = receipt(facility_id="F2")
    assert (await client.post("/v1/events", json=event)).status_code == 422
    await client.put("/v1/facilities/F2", json=FACILITY)
    assert (await client.post("/v1/events", json=event)).status_code == 202


@pytest.mark.parametrize("told", [{"facility_id": "F3"}, {"kind": "item"}])
async def test_body_and_address_must_agree(client: httpx.AsyncClient, told: dict[str, str]) -> None:
    answer = await client.put("/v1/facilities/F2", json=FACILITY | told)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{next(iter(told))}"]
    told = {"facility_id": "F2", "kind": "facility"}
    assert (await client.put("/v1/facilities/F2", json=FACILITY | told)).status_code == 202


async def test_ids_in_the_address_are_checked(client: httpx.AsyncClient) -> None:
    for record_id in ("a%20b", "%00", "x" * 65, "%E0%A4%9C"):
        answer = await client.put(f"/v1/facilities/{record_id}", json=FACILITY)
        assert answer.status_code == 422, record_id
        assert answer.json()["errors"][0]["pointer"] == "/facility_id"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
async def test_batches_are_answered_like_events(
    client: httpx.AsyncClient, content_type: str
) -> None:
    records = [
        FACILITY | {"kind": "facility", "facility_id": "F2"},
        ITEM | {"kind": "item", "item_id": "PCM"},
        DISTRICT | {"kind": "district"},
        {"kind": "planet"},
        DISTRICT | {"kind": "district", "district_id": "jaipur"},
        NORM | {"kind": "norm", "norm_id": "N1"},
        CLOSURE | {"kind": "closure", "closure_id": "C1"},
        DIRECTIVE | {"kind": "directive", "directive_id": "D1"},
        CHAIN | {"kind": "chain", "chain_id": "BR"},
    ]
    lines = [orjson.dumps(one) for one in records]
    body = b"\n".join(lines) if "ndjson" in content_type else b"[" + b",".join(lines) + b"]"
    headers = {"Content-Type": content_type}
    answer = await client.post("/v1/reference/batch", content=body, headers=headers)
    assert answer.status_code == 200
    content = answer.json()
    assert (content["accepted"], content["rejected"]) == (7, 2)
    assert content["results"][0]["facility_id"] == "F2"
    assert content["results"][-1]["chain_id"] == "BR"
    assert content["results"][2]["problem"]["errors"][0]["pointer"] == "/district_id"
    assert content["results"][3]["problem"]["errors"][0]["pointer"] == "/kind"
    assert (await client.post("/v1/events", json=receipt(facility_id="F2"))).status_code == 202
