"""What was posted is read: API, Kafka, worker and Postgres together."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.reading.asking import FACILITY, after, get, post, put
from tests.integration.reading.rows import event_uuid

pytestmark = pytest.mark.usefixtures("worker")

RECEIVED = [
    {"item_id": "PCM", "lot": "A", "expiry": "2099-01", "quantity": 100},
    {"item_id": "PCM", "lot": "B", "expiry": "2011-06", "quantity": 50},
]


def event(number: int, event_type: str, minutes_ago: float, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": event_uuid(number),
        "type": event_type,
        "facility_id": "F1",
        "occurred_at": (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat(),
        **fields,
    }


async def test_a_day_at_a_pharmacy(client: httpx.AsyncClient) -> None:
    at = await work_a_day(client)
    await check_stock(client, at)
    await check_card(client)
    await check_day_book(client)
    await check_one_event(client, at)
    await check_lists(client)


async def test_an_item_is_rated_by_what_was_used_of_it(client: httpx.AsyncClient) -> None:
    norm = {"lead_time_days": 5, "safety_days": 5, "review_days": 10, "window_days": 14}
    await put(client, "/v1/norms/ALL", norm)
    paracetamol = {"name": "Paracetamol", "base_unit": "tablet", "pack_size": 100}
    await put(client, "/v1/items/PCM", paracetamol | {"levels": ["PHC"]})
    at = await put(client, "/v1/facilities/F1", FACILITY)
    a_day = 24 * 60
    posted = [
        event(1, "stock_received", 20 * a_day, lines=RECEIVED[:1]),
        *(
            event(
                day + 1,
                "medicine_dispensed",
                day * a_day,
                channel="opd",
                lines=[{"item_id": "PCM", "lot": "A", "quantity": 4}],
            )
            for day in range(1, 15)
        ),
    ]
    for each in posted:
        at = await post(client, each, at)
    (item,) = (await get(client, "/v1/facilities/F1/stock", at))["items"]
    # 4 a day: 40 to 80 should be there, and 44 are
    assert (item["status"], item["usable"], item["expected_waste"]) == ("ok", 44, 0)
    assert item["norm"]["reorder_quantity"] == 100
    assert (item["norm"]["amc"], item["norm"]["available_days"]) == (122.0, 14.0)
    public = await get(client, "/v1/availability/F1", at)
    assert public["items"][0]["availability"] == "available"
    last = [{"item_id": "PCM", "lot": "A", "quantity": 25}]
    at = await post(client, event(50, "medicine_dispensed", 1, channel="opd", lines=last), at)
    low = await get(client, "/v1/facilities/F1/stock", at, status="low")
    assert [item["usable"] for item in low["items"]] == [19]
    assert "min_quantity" in low["formulas"]
    public = await get(client, "/v1/availability/F1", at)
    assert public["items"][0]["availability"] == "few_left"
    part = FACILITY | {"level": "COUNTER", "parent_facility_id": "F1"}
    at = await put(client, "/v1/facilities/F1-C", part)
    tree = await get(client, "/v1/facilities/F1/stock", at, include="children", status="low")
    assert [each["facility_id"] for each in tree["facilities"]] == ["F1", "F1-C"]
    assert [(item["usable"], item["norm"]["max_quantity"]) for item in tree["items"]] == [(19, 80)]


async def work_a_day(client: httpx.AsyncClient) -> str:
    await put(client, "/v1/items/PCM", {"name": "Paracetamol", "base_unit": "tablet"})
    await put(
        client,
        "/v1/items/ORS",
        {"name": "Oral rehydration salts", "base_unit": "sachet", "levels": ["PHC"]},
    )
    at = await put(client, "/v1/facilities/F1", FACILITY)
    at = await post(client, event(1, "stock_received", 60, document_no="C-1", lines=RECEIVED), at)
    dispensed = event(
        2,
        "medicine_dispensed",
        50,
        channel="opd",
        prescription_ref="OPD-77",
        patient={"scheme": "opd", "id": "P-1"},
        lines=[{"item_id": "PCM", "lot": "A", "quantity": 10}, {"item_id": "PCM", "quantity": 5}],
    )
    at = await post(client, dispensed, at)
    counted = [{"item_id": "PCM", "lot": "A", "counted": 88}]
    return await post(client, event(3, "stock_counted", 40, lines=counted), at)


async def check_stock(client: httpx.AsyncClient, at: str) -> None:
    stock = await get(client, "/v1/facilities/F1/stock", at)
    assert stock["facility_id"] == "F1"
    assert stock["open_discrepancies"] == 2  # the unrecorded lot, and that it is negative
    assert not stock["suspect"]
    assert stock["last_heard_at"] is not None
    assert stock["next_cursor"] is None
    assert stock["items"] == [
        {
            "item_id": "ORS",
            "name": "Oral rehydration salts",
            "on_hand": 0,
            "usable": 0,
            "status": "out",
            "out_since": None,
            "essential": True,
            "norm": None,
            "expiring": 0,
            "expected_waste": None,
            "lots": [],
        },
        {
            "item_id": "PCM",
            "name": "Paracetamol",
            "on_hand": 133,
            "usable": 88,
            "status": "unrated",
            "out_since": None,
            "essential": False,
            "norm": None,
            "expiring": 0,
            "expected_waste": None,
            "lots": [
                {"lot": "B", "expiry": "2011-06-30", "on_hand": 50, "state": "expired"},
                {"lot": "A", "expiry": "2099-01-31", "on_hand": 88, "state": "usable"},
                {"lot": None, "expiry": None, "on_hand": -5, "state": "usable"},
            ],
        },
    ]
    out = await get(client, "/v1/facilities/F1/stock", status="out")
    assert [item["item_id"] for item in out["items"]] == ["ORS"]
    first = await get(client, "/v1/facilities/F1/stock", limit=1)
    rest = await get(client, "/v1/facilities/F1/stock", cursor=first["next_cursor"])
    assert [item["item_id"] for item in first["items"] + rest["items"]] == ["ORS", "PCM"]


async def check_card(client: httpx.AsyncClient) -> None:
    card = await get(client, "/v1/facilities/F1/items/PCM/card", lot="A")
    told = [
        (entry["type"], entry.get("quantity"), entry.get("counted"), entry["balance"])
        for entry in card["entries"]
    ]
    assert told == [
        ("stock_received", 100, None, 100),
        ("medicine_dispensed", -10, None, 90),
        ("stock_counted", None, 88, 88),
    ]
    assert card["entries"][-1]["variance"] == -2
    unrecorded = await get(client, "/v1/facilities/F1/items/PCM/card", lot="")
    assert [(entry["lot"], entry["quantity"]) for entry in unrecorded["entries"]] == [(None, -5)]
    pages: list[Any] = []
    cursor = None
    while True:
        parameters: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await get(client, "/v1/facilities/F1/items/PCM/card", **parameters)
        pages += page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == (await get(client, "/v1/facilities/F1/items/PCM/card"))["entries"]


async def check_day_book(client: httpx.AsyncClient) -> None:
    book = await get(client, "/v1/facilities/F1/events")
    assert [entry["event_id"] for entry in book["events"]] == [
        event_uuid(number) for number in (3, 2, 1)
    ]
    assert book["events"][1]["sealed"] == ["prescription_ref"]
    assert "prescription_hash" not in book["events"][1]
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({"prescription_ref": "opd-77"}, 2),
        ({"document_no": "C-1"}, 1),
        ({"type": "stock_counted"}, 3),
        ({"to": (datetime.now(UTC) - timedelta(minutes=45)).isoformat()}, 2),
    )
    for parameters, number in cases:
        found = await get(client, "/v1/facilities/F1/events", **parameters)
        assert found["events"][0]["event_id"] == event_uuid(number), parameters
    two = await get(client, "/v1/facilities/F1/events", limit=2)
    third = await get(client, "/v1/facilities/F1/events", limit=2, cursor=two["next_cursor"])
    assert two["events"] + third["events"] == book["events"]


async def check_one_event(client: httpx.AsyncClient, at: str) -> None:
    one = await get(client, f"/v1/facilities/F1/events/{event_uuid(2)}")
    assert one["state"] == "applied"
    assert one["channel"] == "opd"
    assert await get(client, "/v1/facilities/F1/stock", one["position"])
    missing = await client.get(f"/v1/facilities/F1/events/{event_uuid(9)}")
    assert missing.status_code == 404

    other = event(1, "stock_received", 60, lines=RECEIVED[:1])
    at = await post(client, other, at)
    conflict = await get(client, f"/v1/facilities/F1/events/{event_uuid(1)}", at)
    assert conflict["state"] == "conflict"
    book = await get(client, "/v1/facilities/F1/events")
    states = {told["event_id"]: told["state"] for told in book["events"]}
    assert [states[event_uuid(number)] for number in (1, 2)] == ["conflict", "applied"]
    assert len(conflict["lines"]) == 2


async def check_lists(client: httpx.AsyncClient) -> None:
    facilities = await get(client, "/v1/facilities", district="D1")
    assert [record["facility_id"] for record in facilities["facilities"]] == ["F1"]
    items = await get(client, "/v1/items", q="para")
    assert [record["item_id"] for record in items["items"]] == ["PCM"]
    assert (await client.get("/readyz")).status_code == 200


async def test_as_of_follows_the_clock_once_all_is_projected(client: httpx.AsyncClient) -> None:
    at = await put(client, "/v1/facilities/F1", FACILITY)
    began = datetime.now(UTC)
    while True:
        answer = await client.get("/v1/facilities/F1/stock", headers=after(at))
        assert answer.headers["Preference-Applied"] == "wait=30"
        as_of = answer.headers.get("Dawalog-As-Of")
        if as_of is not None and datetime.fromisoformat(as_of) > began:
            break
        await asyncio.sleep(0.02)
