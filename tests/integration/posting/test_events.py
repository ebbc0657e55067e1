"""POST /v1/events and /v1/events/batch against a real log."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from api.settings import ApiSettings
from infra.local.ports import free_port
from stream.codec import decode_event
from stream.tokens import PositionToken
from stream.topics import partition_for
from tests.api import running_client
from tests.integration.posting.bodies import FACILITY, dispense, read_log, receipt
from tests.stack import PARTITIONS, Stack

NDJSON = {"Content-Type": "application/x-ndjson"}


def minutes_ahead(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def test_an_event_is_answered_once_it_is_in_the_log(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    event = receipt(event_id="0192F0C1-2F6E-7C3A-9B1D-3C5E7A9F1B2D")
    answer = await client.post("/v1/events", json=event)
    assert answer.status_code == 202
    assert answer.json()["event_id"] == event["event_id"].lower()
    (found,) = await read_log(stack)
    logged = decode_event(found.key, found.value, found.headers)
    assert (logged.event_id, logged.recorded_by, logged.source) == (
        event["event_id"].lower(),
        "open",
        "api",
    )
    partition = partition_for("F1", PARTITIONS)
    assert found.partition == partition
    token = PositionToken.parse(answer.json()["position"])
    assert token.cluster_id == stack.cluster_id
    assert token.offsets == {("stock-events", partition): found.offset + 1}
    assert answer.headers["Dawalog-Position"] == answer.json()["position"]
    recorded_at = datetime.fromisoformat(answer.json()["recorded_at"])
    assert recorded_at == datetime.fromtimestamp(found.timestamp / 1000, UTC)


async def test_appends_are_counted_by_type(client: httpx.AsyncClient) -> None:
    def count(event_type: str) -> float:
        labels = {"type": event_type}
        return REGISTRY.get_sample_value("dawalog_events_appended_total", labels) or 0

    before = count("stock_received"), count("medicine_dispensed")
    await client.post("/v1/events/batch", json=[receipt(), dispense(), receipt(), {}])
    assert (count("stock_received"), count("medicine_dispensed")) == (before[0] + 2, before[1] + 1)
    assert REGISTRY.get_sample_value("dawalog_append_records_in_flight") == 0


async def test_posting_again_is_safe(client: httpx.AsyncClient) -> None:
    event = receipt()
    for body in (event, event, event | {"note": "other content"}):
        assert (await client.post("/v1/events", json=body)).status_code == 202


async def test_nothing_of_a_patient_reaches_the_log(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    clear = ("91-2345-6789-0123", "OPD/4711", "Dr Anita Sharma", "Sanganer", "half on Friday")
    patient_id, reference, name, address, note = clear
    event = dispense(
        patient={"scheme": "abha", "id": patient_id},
        prescription_ref=reference,
        prescriber={"name": name, "address": address},
        note=note,
    )
    assert (await client.post("/v1/events", json=event)).status_code == 202
    assert (await client.post("/v1/events/batch", json=[event])).json()["accepted"] == 1
    records = await read_log(stack)
    everything = b"".join(one.key + one.value for one in records)
    assert len(records) == 2
    assert not [text for text in clear if text.encode() in everything]


async def test_good_ones_go_in_though_others_are_bad(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    good = [receipt(), dispense(), receipt()]
    bad: list[Any] = [7, receipt(lines=[]), receipt(facility_id="F9"), receipt(event_id="x")]
    answer = await client.post(
        "/v1/events/batch", json=[good[0], bad[0], bad[1], good[1], bad[2], bad[3], good[2]]
    )
    assert answer.status_code == 200
    content = answer.json()
    assert (content["accepted"], content["rejected"]) == (3, 4)
    assert [one["index"] for one in content["results"]] == list(range(7))
    statuses = "".join(one["status"][0] for one in content["results"])
    assert statuses == "arrarra"
    types = [one["problem"]["type"] for one in content["results"] if "problem" in one]
    assert types == ["invalid-event", "invalid-event", "unknown-facility", "invalid-event"]
    assert content["results"][2]["event_id"] == bad[1]["event_id"]
    assert content["results"][2]["problem"]["errors"] == [
        {"pointer": "/lines", "detail": "lines must not be empty"}
    ]
    assert content["results"][5]["event_id"] is None
    logged = [orjson.loads(one.value)["event_id"] for one in await read_log(stack)]
    assert logged == [one["event_id"] for one in good]
    place = ("stock-events", partition_for("F1", PARTITIONS))
    assert PositionToken.parse(content["position"]).offsets == {place: 3}


async def test_lines_that_are_no_json_are_rejected_alone(client: httpx.AsyncClient) -> None:
    lines = [orjson.dumps(receipt()), b"{", b"", b"  ", b'{"a": NaN}', b"\xff", b"null"]
    body = b"\r\n".join([*lines, orjson.dumps(receipt())]) + b"\n"
    answer = (await client.post("/v1/events/batch", content=body, headers=NDJSON)).json()
    assert (answer["accepted"], answer["rejected"]) == (2, 4)
    problems = [one["problem"]["type"] for one in answer["results"] if "problem" in one]
    assert problems == ["malformed-json", "malformed-json", "malformed-json", "invalid-event"]


async def test_a_bad_line_of_ndjson_is_told_by_its_number(client: httpx.AsyncClient) -> None:
    good = orjson.dumps(receipt())
    body = b"\n".join((good, b"", good[:-1], b"no", good))
    answer = (await client.post("/v1/events/batch", content=body, headers=NDJSON)).json()
    told = [one["problem"]["detail"] for one in answer["results"] if "problem" in one]
    assert [each.split(" is not JSON")[0] for each in told] == ["Line 3", "Line 4"]
    assert not any("line 1" in each for each in told)


@pytest.mark.parametrize("cut_off", [b"{", b"["])
async def test_a_first_line_that_is_cut_off_costs_no_other(
    client: httpx.AsyncClient, cut_off: bytes
) -> None:
    body = b"\n".join((cut_off, orjson.dumps(receipt())))
    answer = (await client.post("/v1/events/batch", content=body, headers=NDJSON)).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 1)


@pytest.mark.parametrize("spread", [receipt(), [receipt()]])
async def test_json_over_several_lines_is_no_ndjson(client: httpx.AsyncClient, spread: Any) -> None:
    body = orjson.dumps(spread, option=orjson.OPT_INDENT_2)
    answer = await client.post("/v1/events/batch", content=body, headers=NDJSON)
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-batch")
    assert "one JSON object a line" in answer.json()["detail"]


async def test_a_batch_with_nothing_good_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/events/batch", json=[{}])
    assert answer.status_code == 200
    assert answer.json()["position"] is None
    assert "Dawalog-Position" not in answer.headers


async def test_a_thousand_events_are_taken(client: httpx.AsyncClient, stack: Stack) -> None:
    events = [receipt() for _ in range(1000)]
    body = b"\n".join(map(orjson.dumps, events))
    answer = await client.post("/v1/events/batch", content=body, headers=NDJSON)
    assert answer.json()["accepted"] == 1000
    assert len(await read_log(stack)) == 1000
    assert (await client.post("/v1/events/batch", json=[*events, events[0]])).status_code == 422


@pytest.mark.parametrize(
    ("occurred_at", "problem"),
    [
        (lambda: minutes_ahead(11), "clock-ahead"),
        (lambda: "2009-12-31T23:59:59Z", "clock-behind"),
    ],
)
async def test_a_wrong_clock_is_told_the_time(
    client: httpx.AsyncClient, occurred_at: Any, problem: str
) -> None:
    answer = await client.post("/v1/events", json=receipt(occurred_at=occurred_at()))
    assert answer.status_code == 422
    assert answer.json()["type"] == problem
    assert answer.json()["errors"][0]["pointer"] == "/occurred_at"
    server_time = datetime.fromisoformat(answer.json()["server_time"])
    assert abs(server_time - datetime.now(UTC)) < timedelta(minutes=1)


async def test_clocks_within_bounds_are_taken(client: httpx.AsyncClient) -> None:
    for occurred_at in (minutes_ahead(9), "2010-01-01T00:00:00Z"):
        answer = await client.post("/v1/events", json=receipt(occurred_at=occurred_at))
        assert answer.status_code == 202


async def test_an_unknown_facility_is_said(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/events", json=receipt(facility_id="F9"))
    assert (answer.status_code, answer.json()["type"]) == (422, "unknown-facility")
    assert answer.json()["errors"][0]["pointer"] == "/facility_id"


async def test_the_other_end_of_a_transfer_need_not_be_known(client: httpx.AsyncClient) -> None:
    line = {"item_id": "PCM", "lot": "A", "quantity": 1}
    transfer = receipt(
        type="transfer_dispatched", transfer_id="T1", to_facility_id="elsewhere", lines=[line]
    )
    assert (await client.post("/v1/events", json=transfer)).status_code == 202


async def test_posting_needs_kafka_alone(settings: ApiSettings, app: FastAPI) -> None:
    """Without Postgres a known facility can post; of an unknown one nobody can tell."""
    url = f"postgresql://127.0.0.1:{free_port()}/dawalog"
    async with running_client(settings.model_copy(update={"database_url": url})) as client:
        assert (await client.put("/v1/facilities/F1", json=FACILITY)).status_code == 202
        assert (await client.post("/v1/events", json=receipt())).status_code == 202
        answer = await client.post("/v1/events", json=receipt(facility_id="F9"))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        batch = [receipt(), receipt(facility_id="F9")]
        mixed = (await client.post("/v1/events/batch", json=batch)).json()
        assert (mixed["accepted"], mixed["rejected"]) == (1, 1)
        assert mixed["results"][1]["problem"]["status"] == 503
        answer = await client.post("/v1/events/batch", json=batch[1:])
        assert answer.status_code == 503


@pytest.mark.timeout(120)
async def test_with_the_broker_away_it_is_503_and_then_again_202(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    event = receipt()
    os.kill(stack.kafka_pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            single, batch = await asyncio.gather(
                client.post("/v1/events", json=event),
                client.post("/v1/events/batch", json=[event, {}]),
            )
    finally:
        os.kill(stack.kafka_pid, signal.SIGCONT)
    for answer in (single, batch):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
    async with asyncio.timeout(30):
        while (await client.post("/v1/events", json=event)).status_code != 202:
            await asyncio.sleep(0.05)
