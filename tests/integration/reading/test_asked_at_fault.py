"""Reads over HTTP that can't be answered, or not yet."""

import httpx
import pytest

from stream.tokens import PositionToken
from tests.integration.reading.asking import FACILITY, after, put
from tests.integration.reading.rows import event_uuid
from tests.stack import Stack
from tests.waiting import until


async def test_without_a_worker_reads_wait_and_give_up(client: httpx.AsyncClient) -> None:
    at = await put(client, "/v1/facilities/F1", FACILITY)
    answer = await client.get("/v1/facilities", headers=after(at, seconds=1))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/v1/facilities")).json() == {"facilities": [], "next_cursor": None}


async def test_tokens_that_are_not_ours(client: httpx.AsyncClient, stack: Stack) -> None:
    ours = PositionToken(stack.cluster_id, {("reference", 0): 0}).encode()
    others = PositionToken("another", {("reference", 0): 0}).encode()
    for path in ("/v1/facilities", "/v1/items", "/v1/facilities/F1/stock"):
        for position in ("rubbish", others, f"{ours},{others}", ",".join([ours] * 65)):
            answer = await client.get(path, headers=after(position))
            assert answer.status_code == 400, (path, position)
    assert (await client.get("/v1/facilities", headers=after(ours))).status_code == 200


BACKWARDS = "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/facilities?limit=0", "/limit"),
        ("/v1/facilities?limit=1001", "/limit"),
        ("/v1/facilities?limit=x", "/limit"),
        ("/v1/facilities?level=XX", "/level"),
        ("/v1/facilities?cursor=rubbish", "/cursor"),
        ("/v1/facilities?district=a%20b", "/district"),
        ("/v1/items?q=%00", "/q"),
        ("/v1/facilities/F%201/stock", "/facility_id"),
        ("/v1/facilities/F1/stock?item_id=%00", "/item_id"),
        ("/v1/facilities/F1/stock?status=none", "/status"),
        ("/v1/facilities/F1/stock?as_of=2026-01-01", "/as_of"),
        ("/v1/facilities/F1/stock?known_at=10:05", "/known_at"),
        ("/v1/facilities/F1/stock?include=parents", "/include"),
        ("/v1/facilities/F1/stock?include=children&as_of=2026-01-01T00:00:00Z", "/include"),
        ("/v1/facilities/F1/stock?include=children&known_at=2026-01-01T00:00:00Z", "/include"),
        ("/v1/facilities/F1/stock?cursor=WyJhIl0", "/cursor"),
        ("/v1/facilities/F1/items/A/card?lot=%00", "/lot"),
        ("/v1/facilities/F1/items/A/card?from=yesterday", "/from"),
        ("/v1/facilities/F1/items/A/card?to=2026-01-01", "/to"),
        ("/v1/facilities/F1/items/A/card?known_at=now", "/known_at"),
        ("/v1/facilities/F1/items/A/card?as_of=1", "/as_of"),
        ("/v1/facilities/F1/events?type=none", "/type"),
        ("/v1/facilities/F1/events?from=1767225600", "/from"),
        ("/v1/facilities/F1/events/none", "/event_id"),
        ("/v1/facilities?distrct=D1", "/distrct"),
        ("/v1/shortages?as_of=2026-01-01T00:00:00Z", "/as_of"),
        ("/v1/alerts?rule=out_of_stok", "/rule"),
        ("/v1/alerts?state=none", "/state"),
        (f"/v1/facilities/F1/events?{BACKWARDS}", "/from"),
        (f"/v1/facilities/F1/items/A/card?{BACKWARDS}", "/from"),
        (f"/v1/discrepancies?{BACKWARDS}", "/from"),
        (f"/v1/stockouts?{BACKWARDS}", "/from"),
    ],
)
async def test_what_cannot_be_asked(client: httpx.AsyncClient, path: str, pointer: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert "pattern" not in answer.text
    if "cursor" not in path and "include" not in path:
        assert problem["errors"][0]["detail"] in problem["detail"]


async def test_a_slip_is_told_what_there_is(client: httpx.AsyncClient) -> None:
    for path, said in (
        ("/v1/alerts?rule=out_of_stok", "'out_of_stock'"),
        ("/v1/summary?by=item&distrct=D1", "did you mean district"),
        ("/v1/items?limit=2000", "limit must be at most 1000"),
        ("/v1/shortages?known_at=now", "known_at can't be asked for here"),
    ):
        assert said in (await client.get(path)).json()["detail"], path
    answer = await client.put("/v1/facilities/F1?dry_run=true", json=FACILITY)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/dry_run")
    assert (await client.get("/v1/facilities/F1/stock")).status_code == 404


async def test_health(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200

    async def is_ready() -> bool:
        answers = [await client.get("/readyz", params={"for": each}) for each in ("append", "read")]
        return all(answer.status_code == 200 for answer in answers)

    await until(is_ready, "it can append and read")
    assert (await client.get("/readyz", params={"for": "tea"})).status_code == 422
    await client.get("/v1/facilities/F1/stock")
    await client.get("/no/such/place")
    metrics = (await client.get("/metrics")).text
    stock = 'route="/v1/facilities/{facility_id}/stock",route_class="read"'
    assert f'{stock},status_class="4xx"' in metrics
    assert 'route="unmatched"' in metrics
    assert "no/such/place" not in metrics


async def test_unknown_facility_is_404(client: httpx.AsyncClient) -> None:
    for path in ("stock", "items/A/card", "events", f"events/{event_uuid(1)}"):
        answer = await client.get(f"/v1/facilities/F1/{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "not-found"
