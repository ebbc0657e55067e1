"""What a facility's stock is beside its norms; live rows say the same.

Broken on purpose once, to see these tests fail: the state of essential items without a card not
found; the rating left out of live rows.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from api.items import describe_item
from projections.queries.item_rows import ROWS, ItemRow
from projections.queries.moments import Moment
from projections.queries.stock import FacilityStock, find_stock
from projections.reading import ReadModel
from tests.integration.reading.rows import LONG_AGO, Rows, as_pushed

TODAY = date(2026, 3, 2)
IN_A_MONTH = TODAY + timedelta(days=30)


@pytest.fixture
async def shelf(rows: Rows) -> Rows:
    await rows.add_facility("F1")
    for item_id, pack_size in (("LOW", 10), ("OK", 10), ("OVER", None), ("YOUNG", 10)):
        more: dict[str, Any] = {"pack_size": pack_size} if pack_size else {}
        await rows.add_item(item_id, **more)
        await rows.add_card("F1", item_id, "L", 100, expiry=IN_A_MONTH)
    await rows.add_item("OUT", levels=["PHC"])
    await rows.add_item("BARE", levels=["PHC"])
    await rows.add_item_state("F1", "LOW", consumed=300, kept=(101, 205))
    await rows.add_item_state("F1", "OK", consumed=60, kept=(100, 200))
    await rows.add_item_state("F1", "OVER", consumed=30, kept=(10, 99))
    await rows.add_item_state("F1", "YOUNG", consumed=30, available_days=6)
    await rows.add_item_state("F1", "OUT", out_since=LONG_AGO, window_days=None)
    return rows


async def stock_of(model: ReadModel, **asked: Any) -> FacilityStock:
    stock = await find_stock(model, facility_id="F1", partition=0, **asked)
    assert stock is not None
    return stock


async def told(model: ReadModel, **asked: Any) -> dict[str, dict[str, Any]]:
    stock = await stock_of(model, **asked)
    return {item.item_id: describe_item(item, TODAY) for item in stock.items}


async def test_status_by_norm(model: ReadModel, shelf: Rows) -> None:
    items = await told(model)
    assert {item_id: item["status"] for item_id, item in items.items()} == {
        "LOW": "low",
        "OK": "ok",
        "OVER": "over",
        "YOUNG": "unrated",
        "OUT": "out",
        "BARE": "out",
    }
    assert items["OUT"]["out_since"] == LONG_AGO
    assert items["BARE"]["out_since"] is None
    assert items["OUT"]["norm"] is None


async def test_figures_beside_the_norm(model: ReadModel, shelf: Rows) -> None:
    items = await told(model)
    # 10 a day of 100
    assert items["LOW"]["norm"] == {
        "min_quantity": 101,
        "max_quantity": 205,
        "amc": 305.0,
        "months_of_stock": 0.33,
        "days_of_stock": 10.0,
        "window_days": 30,
        "consumed": 300,
        "unmet": 0,
        "available_days": 30.0,
        "in_transit": 0,
        "reorder_quantity": 110,
        "safety_stock": None,
        "reorder_point": None,
    }
    # all good for 30 days: 2 a day are 62 through the last of them, 1 a day 31
    wasted = {item_id: item["expected_waste"] for item_id, item in items.items()}
    assert wasted["LOW"] == 0
    assert wasted["OK"] == 100 - 2 * 31
    assert wasted["OVER"] == 100 - 31
    assert wasted["YOUNG"] is None
    assert [items[item_id]["expiring"] for item_id in ("LOW", "OUT")] == [100, 0]


async def test_of_one_item(model: ReadModel, shelf: Rows) -> None:
    (item,) = (await stock_of(model, item_id="OUT")).items
    assert item.rating
    assert item.rating[:9] == (LONG_AGO, None, 0, 30 * 86_400, None, None, None, 0, None)
    (item,) = (await stock_of(model, item_id="OK")).items
    assert item.rating
    assert item.rating[:9] == (None, 30, 60, 30 * 86_400, 100, 200, 10, 0, 0)


async def test_past_moments_are_not_rated(model: ReadModel, shelf: Rows) -> None:
    past = await told(model, moment=Moment(datetime.now(UTC) + timedelta(hours=1), None))
    assert {item["status"] for item in past.values()} <= {"out", "unrated"}
    assert all(item["norm"] is None and item["out_since"] is None for item in past.values())


async def test_live_rows_say_the_same(model: ReadModel, shelf: Rows) -> None:
    listed = await shelf.connection.fetchval(
        f"WITH wanted AS (SELECT DISTINCT facility_no, item_no FROM card), {ROWS} "
        "SELECT rows FROM listed"
    )
    live = [ItemRow.of(*fields).stock for fields in orjson.loads(listed)]
    stock = [as_pushed(item) for item in (await stock_of(model)).items if item.lots]
    assert sorted(live) == stock
    assert all(item.rating for item in live)
