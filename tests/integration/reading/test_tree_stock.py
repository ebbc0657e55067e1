"""The stock of a hospital with its store and its counters.

Broken on purpose once, to see these tests fail: the store's norm counted; parts of parts left out;
a held lot merged with a usable one.
"""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from api.tree_stock import sum_items
from projections.queries.tree_stock import TreeStock, find_tree_stock
from projections.reading import ReadModel
from tests.integration.reading.rows import LONG_AGO, Rows, event_uuid

SOON, LATE = date(2098, 1, 31), date(2099, 1, 31)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def hospital(rows: Rows) -> Rows:
    """Its store has a part of its own; its parent is another place, and so is F2."""
    await rows.add_facility("ABOVE")
    await rows.add_facility("DH", level="DH", parent="ABOVE")
    await rows.add_facility("DH-C1", level="COUNTER", parent="DH")
    await rows.add_facility("DH-STORE", level="STORE", parent="DH")
    await rows.add_facility("DH-STORE-2", level="STORE", parent="DH-STORE")
    await rows.add_facility("F2", level="DH")
    await rows.add_item("PCM", levels=["DH"], pack_size=10)
    await rows.add_item("ORS", levels=["DH"])
    await rows.add_item("GEL", levels=["COUNTER"])
    return rows


async def tree_of(model: ReadModel, facility_id: str = "DH", **asked: Any) -> TreeStock:
    stock = await find_tree_stock(model, facility_id=facility_id, **asked)
    assert stock is not None
    return stock


async def items_of(model: ReadModel, **asked: Any) -> dict[str, dict[str, Any]]:
    items = sum_items(await tree_of(model, **asked), datetime.now(UTC))
    return {item["item_id"]: item for item in items}


async def test_all_parts_at_any_depth_are_in(model: ReadModel, hospital: Rows) -> None:
    members = (await tree_of(model)).members
    assert [m.facility_id for m in members] == ["DH", "DH-C1", "DH-STORE", "DH-STORE-2"]
    assert [m.facility_id for m in (await tree_of(model, "DH-C1")).members] == ["DH-C1"]


async def test_a_ring_ends(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("A", parent="B")
    await rows.add_facility("B", parent="A")
    assert len((await tree_of(model, "A")).members) == 2


async def test_nobody_registered_it(model: ReadModel, rows: Rows) -> None:
    await rows.add_card("F9", "PCM", "L", 1)
    assert await find_tree_stock(model, facility_id="F9") is None


async def test_lots_are_summed_by_lot_expiry_and_state(model: ReadModel, hospital: Rows) -> None:
    for facility_id, lot, on_hand, expiry in (
        ("DH", "L", 1, SOON),
        ("DH-C1", "L", 2, SOON),
        ("DH-C1", "K", 4, LATE),
        ("DH-STORE-2", "L", 8, SOON),
        ("DH-STORE", "L", 16, LATE),
        ("F2", "L", 32, SOON),
    ):
        await hospital.add_card(facility_id, "PCM", lot, on_hand, expiry=expiry)
    await hospital.connection.execute(
        "INSERT INTO lot_hold (facility_no, item_no, lot, occurred_at, event_id, is_hold)"
        " VALUES ($1, $2, 'L', $3, $4, true)",
        await hospital.facility_no("DH-STORE-2"),
        await hospital.item_no("PCM"),
        LONG_AGO,
        event_uuid(3),
    )
    await hospital.add_event("DH-STORE-2", event_uuid(3), event_type="lot_held")
    item = (await items_of(model))["PCM"]
    assert [(lot["lot"], lot["expiry"], lot["on_hand"], lot["state"]) for lot in item["lots"]] == [
        ("L", SOON, 8, "held"),
        ("L", SOON, 3, "usable"),
        ("K", LATE, 4, "usable"),
        ("L", LATE, 16, "usable"),
    ]
    assert (item["on_hand"], item["usable"], item["status"]) == (31, 23, "unrated")


async def test_the_norm_is_of_those_who_dispense(model: ReadModel, hospital: Rows) -> None:
    for facility_id in ("DH", "DH-C1", "DH-STORE"):
        await hospital.add_card(facility_id, "PCM", "L", 50)
    await hospital.add_item_state("DH", "PCM", consumed=30, kept=(60, 90))
    await hospital.add_item_state("DH-C1", "PCM", consumed=60, kept=(100, 175))
    await hospital.add_item_state("DH-STORE", "PCM", consumed=999, kept=(1000, 2000))
    item = (await items_of(model))["PCM"]
    assert item["status"] == "low"
    # 1 and 2 a day
    assert item["norm"] == {
        "min_quantity": 160,
        "max_quantity": 265,
        "amc": 91.5,
        "months_of_stock": 1.64,
        "days_of_stock": 50.0,
        "window_days": None,
        "consumed": 90,
        "unmet": None,
        "available_days": None,
        "in_transit": 0,
        "reorder_quantity": 120,
        "safety_stock": None,
        "reorder_point": None,
    }


async def test_it_is_out_since_the_last_part_ran_out(model: ReadModel, hospital: Rows) -> None:
    await hospital.add_card("DH", "PCM", "L", 0)
    await hospital.add_card("DH-C1", "PCM", "L", 0)
    await hospital.add_item_state("DH", "PCM", out_since=LONG_AGO)
    await hospital.add_item_state("DH-C1", "PCM", out_since=MARCH)
    item = (await items_of(model))["PCM"]
    assert (item["status"], item["out_since"]) == ("out", MARCH)
    await hospital.add_card("DH-STORE", "PCM", "L", 1)
    item = (await items_of(model))["PCM"]
    assert (item["status"], item["out_since"]) == ("unrated", None)


async def test_the_root_says_what_is_essential(model: ReadModel, hospital: Rows) -> None:
    await hospital.add_card("DH-C1", "GEL", "L", 1)
    items = await items_of(model)
    told = {item_id: (item["essential"], item["status"]) for item_id, item in items.items()}
    assert told == {"GEL": (False, "unrated"), "ORS": (True, "out"), "PCM": (True, "out")}
    assert list(await items_of(model, item_id="GEL")) == ["GEL"]
    assert list(await items_of(model, item_id="ORS")) == ["ORS"]


async def test_a_failed_event_of_a_part_is_told(model: ReadModel, hospital: Rows) -> None:
    await hospital.add_dead_letter("F2", event_uuid(7), "failed")
    assert not (await tree_of(model)).suspect
    await hospital.add_dead_letter("DH-C1", event_uuid(8), "failed")
    assert (await tree_of(model)).suspect
