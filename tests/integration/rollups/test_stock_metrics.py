"""/metrics/stock: some facilities' stock for a scrape of one's own."""

import httpx
import pytest

from stream.declared import METRICS
from tests.exposition import Exposition
from tests.integration.rollups.figures import Figures


@pytest.fixture
async def shelves(figures: Figures) -> None:
    for item_id in ("AMOX", "ORS"):
        await figures.add_item(item_id)
    await figures.add_place("PHC-1")
    await figures.add_place("PHC-2", district_id="D2", silent=True)
    await figures.add_state("PHC-1", "AMOX", "out", out_since=figures.now)
    await figures.add_state("PHC-1", "ORS", "ok", usable=5, kept=(3, 9))
    await figures.add_state("PHC-2", "AMOX", "ok", usable=9, silent=True)


pytestmark = pytest.mark.usefixtures("shelves")


async def ask(client: httpx.AsyncClient, **filters: str) -> Exposition:
    answer = await client.get("/metrics/stock", params=filters)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Dawalog-Position" in answer.headers
    return Exposition(answer.text)


async def test_a_facility(client: httpx.AsyncClient, figures: Figures) -> None:
    told = await ask(client, facility_id="PHC-1")
    out = {"district": "D1", "level": "PHC", "facility_id": "PHC-1", "item_id": "AMOX"}
    assert told.value("dawalog_stock_usable", out) == 0
    assert told.value("dawalog_stock_status", out | {"status": "out"}) == 1
    out_since = told.value("dawalog_stock_out_since_timestamp_seconds", out)
    assert out_since == figures.now.timestamp()
    assert told.value("dawalog_stock_min_quantity", out) is None
    assert told.value("dawalog_stock_min_quantity", {"item_id": "ORS"}) == 3
    assert told.value("dawalog_stock_on_hand", {"item_id": "ORS"}) == 5
    for name, kind, labels in told.described():
        assert METRICS[name].kind == kind
        assert labels == set(METRICS[name].labels)


async def test_a_district_an_item_and_both(client: httpx.AsyncClient) -> None:
    assert (await ask(client, district="D2")).value("dawalog_stock_usable") == 9
    assert (await ask(client, item_id="AMOX")).value("dawalog_stock_usable") == 9
    both = await ask(client, item_id="AMOX", district="D1")
    assert both.value("dawalog_stock_status", {"status": "out"}) == 1
    assert both.value("dawalog_stock_status") == 1
    silent = await ask(client, facility_id="PHC-2")
    assert silent.value("dawalog_stock_status", {"status": "unknown"}) == 1


async def test_what_is_too_much_is_said(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await client.get("/metrics/stock")
    assert (answer.status_code, answer.json()["type"]) == (422, "bad-parameter")
    monkeypatch.setattr("api.stock_metrics.MOST_PAIRS", 1)
    answer = await client.get("/metrics/stock?district=D1")
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "several jobs" in answer.json()["detail"]
    assert (await ask(client, district="D2")).value("dawalog_stock_status") == 1


@pytest.mark.parametrize("query", ["facility_id=X", "district=X", "item_id=X"])
async def test_a_slip_of_the_pen_is_no_empty_answer(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/metrics/stock?{query}")
    assert answer.status_code == httpx.codes.NOT_FOUND
