"""GET /v1/discrepancies and POST /v1/events/check, as clients meet them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from projections.discrepancies.counting import COUNTED
from tests.api import api_settings, running_client
from tests.integration.discrepancies.book import Book, dispense, event_id, line, receipt
from tests.integration.discrepancies.conftest import FACILITY
from tests.stack import Stack


@pytest.fixture
async def client(book: Book, running: Stack, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An API that reads the book; nothing is asked of its log."""
    await running.reset_topics()
    async with running_client(api_settings(running, tmp_path)) as client:
        yield client


async def get(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/discrepancies", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_list_by_pages(book: Book, client: httpx.AsyncClient) -> None:
    await book.register(FACILITY | {"facility_id": "F2", "district_id": "D2"})
    await book.post(
        *(dispense(n, n // 2, line(1, f"L{n}")) for n in range(1, 6)),
        dispense(6, 9, line(1)) | {"facility_id": "F2"},
    )
    whole = (await get(client))["discrepancies"]
    assert [one["opened_by"] for one in whole] == [[event_id(6)]] + [
        one["opened_by"] for one in whole[1:]
    ]
    pages, cursor = [], None
    while True:
        page = await get(client, limit=2, **({"cursor": cursor} if cursor else {}))
        pages += page["discrepancies"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert pages == whole
    assert [one["opened_at"] for one in whole] == sorted(
        (one["opened_at"] for one in whole), reverse=True
    )
    assert (await get(client, district="D1"))["discrepancies"] == whole[1:]
    assert (await get(client, district="D2"))["discrepancies"] == whole[:1]
    assert (await get(client, facility_id="F2"))["discrepancies"] == whole[:1]
    told = whole[0]
    told.pop("discrepancy_id")
    assert "-1" in told.pop("detail")
    assert told == {
        "kind": "negative_stock",
        "state": "open",
        "facility_id": "F2",
        "item_id": "PCM",
        "lot": "A",
        "line_no": 1,
        "opened_at": "2026-03-02T04:09:00Z",
        "opened_by": [event_id(6)],
        "closed_at": None,
        "closed_by": [],
        "facts": {"balance": -1},
    }


async def test_how_far_is_looked_back(book: Book, client: httpx.AsyncClient) -> None:
    await book.post(dispense(1, 0, line(1)), receipt(2, 10, line(1)))
    now = datetime.now(UTC)
    page = await get(client, facility_id="F1")
    looked_back_to = datetime.fromisoformat(page["looked_back_to"])
    assert abs(looked_back_to - (now - timedelta(days=30))) < timedelta(minutes=1)
    assert page["discrepancies"] == []  # ended long ago

    async def found(**bounds: str) -> int:
        return len((await get(client, facility_id="F1", **bounds))["discrepancies"])

    assert await found(**{"from": "2026-03-02T04:10:00Z"}) == 1
    assert await found(**{"from": "2026-03-02T04:10:01Z"}) == 0
    assert await found(**{"from": "0001-01-01T00:00:00Z"}) == 1
    assert await found(**{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T04:00:00Z"}) == 1
    assert await found(**{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T03:59:59Z"}) == 0
    assert await found(**{"from": "2026-03-01T00:00:00Z", "state": "closed"}) == 1
    assert await found(**{"from": "2026-03-01T00:00:00Z", "state": "open"}) == 0
    assert await found(**{"from": "9999-12-31T00:00:00Z"}) == 0


async def test_what_cannot_be_asked(client: httpx.AsyncClient) -> None:
    cases: tuple[tuple[dict[str, str], int], ...] = (
        ({"facility_id": "F9"}, 404),
        ({"district": "D3"}, 404),
        ({"facility_id": "F1", "district": "D1"}, 422),
        ({"kind": "none"}, 422),
        ({"state": "ended"}, 422),
        ({"cursor": "x"}, 422),
        ({"known_at": "2026-03-02T04:10:00Z"}, 422),
    )
    for parameters, status in cases:
        answer = await client.get("/v1/discrepancies", params=parameters)
        assert answer.status_code == status, parameters
        assert answer.headers["content-type"] == "application/problem+json"


async def test_stock_counts_what_cards_tell(book: Book, client: httpx.AsyncClient) -> None:
    await book.post(dispense(1, 0, line(1), line(1, None), line(1, item_id="ORS")))
    stock = (await client.get("/v1/facilities/F1/stock")).json()
    found = (await get(client, facility_id="F1", state="open"))["discrepancies"]
    assert stock["open_discrepancies"] == len(found) == 5
    assert {one["kind"] for one in found} == set(COUNTED)


async def test_a_check_says_what_is_odd_and_records_nothing(
    book: Book, client: httpx.AsyncClient
) -> None:
    posted = dispense(1, 0, line(1), line(2, item_id="ORS"))
    answer = await client.post("/v1/events/check", json=posted)
    assert answer.status_code == 200, answer.text
    warnings = answer.json()["warnings"]
    assert [(one["line_no"], one["type"]) for one in warnings] == [
        (1, "more_than_on_hand"),
        (2, "more_than_on_hand"),
        (2, "unknown_item"),
    ]
    assert all(one["detail"] for one in warnings)
    assert (await client.get("/v1/facilities/F1/events")).json()["events"] == []


async def test_a_check_refuses_what_posting_refuses(client: httpx.AsyncClient) -> None:
    posted = dispense(1, 0, line(1))
    for changes, problem in (
        ({"facility_id": "F9"}, "unknown-facility"),
        ({"occurred_at": "2009-12-31T00:00:00Z"}, "clock-behind"),
        ({"lines": []}, "invalid-event"),
    ):
        answer = await client.post("/v1/events/check", json=posted | changes)
        assert (answer.status_code, answer.json()["type"]) == (422, problem)
