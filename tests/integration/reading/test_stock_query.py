"""The stock of a facility as its cards, catalogue and dead letters say."""

from datetime import UTC, date, datetime, timedelta

from projections.queries.stock import FacilityStock, find_stock
from projections.reading import ReadModel
from projections.usable import LotStock
from tests.integration.reading.rows import LONG_AGO, Rows, event_uuid


async def stock_of(model: ReadModel, facility_id: str = "F1") -> FacilityStock:
    stock = await find_stock(model, facility_id=facility_id, partition=0)
    assert stock is not None
    return stock


async def test_unknown_facility(model: ReadModel, rows: Rows) -> None:
    assert await find_stock(model, facility_id="F1", partition=0) is None


async def test_facility_without_cards(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1", time_zone="Asia/Dhaka")
    stock = await stock_of(model)
    assert stock.items == []
    assert stock.time_zone == "Asia/Dhaka"
    assert stock.last_heard_at is None
    assert not stock.suspect
    assert stock.open_discrepancies == 0


async def test_facility_that_is_valid_later_is_not_known_yet(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1", valid_from=datetime.now(UTC) + timedelta(hours=1))
    assert await find_stock(model, facility_id="F1", partition=0) is None


async def test_items_by_id_with_lots_by_expiry(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    await rows.add_facility("F2")
    await rows.add_item("B", name="Bee")
    await rows.add_item("A", name="Ay")
    await rows.add_card("F1", "B", "late", 5, expiry=date(2030, 1, 1))
    await rows.add_card("F1", "B", "never", 6)
    await rows.add_card("F1", "B", "soon", 7, expiry=date(2029, 1, 1))
    await rows.add_card("F1", "B", "", -2)
    await rows.add_card("F1", "A", "only", 0)
    await rows.add_card("F2", "A", "elsewhere", 9)
    first, second = (await stock_of(model)).items
    assert (first.item_id, first.name, first.on_hand) == ("A", "Ay", 0)
    assert (second.item_id, second.name, second.on_hand) == ("B", "Bee", 16)
    assert second.lots == [
        LotStock("soon", date(2029, 1, 1), 7),
        LotStock("late", date(2030, 1, 1), 5),
        LotStock("", None, -2),
        LotStock("never", None, 6),
    ]


async def test_lots_at_zero_are_listed_for_90_days(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    await rows.add_card("F1", "A", "empty", 0, moved_days_ago=91)
    await rows.add_card("F1", "A", "emptied", 0, moved_days_ago=89)
    await rows.add_card("F1", "A", "old", 1, moved_days_ago=1000)
    (item,) = (await stock_of(model)).items
    assert [lot.lot for lot in item.lots] == ["emptied", "old"]


async def test_essential_items_of_the_level_are_listed_without_cards(
    model: ReadModel, rows: Rows
) -> None:
    await rows.add_facility("F1", level="PHC")
    await rows.add_item("A", levels=["DH", "PHC"])
    await rows.add_item("B", levels=["DH"])
    await rows.add_item("C")
    await rows.add_item("D", levels=["PHC"])
    await rows.add_card("F1", "C", "L", 1)
    await rows.add_card("F1", "D", "L", 1)
    listed = [
        (item.item_id, item.essential, len(item.lots)) for item in (await stock_of(model)).items
    ]
    assert listed == [("A", True, 0), ("C", False, 1), ("D", True, 1)]


async def test_the_catalogue_in_force_counts(model: ReadModel, rows: Rows) -> None:
    now = datetime.now(UTC)
    await rows.add_facility("F1", level="DH")
    await rows.add_facility("F1", level="PHC", valid_from=now - timedelta(days=1))
    await rows.add_item("A", name="newest", levels=[], valid_from=now - timedelta(days=1))
    await rows.add_item("A", name="older", levels=["PHC"], valid_from=now - timedelta(days=2))
    await rows.add_item("B", name="now", levels=["PHC"], valid_from=now - timedelta(days=2))
    await rows.add_item("B", name="next", levels=[], valid_from=now + timedelta(days=1))
    assert [item.name for item in (await stock_of(model)).items] == ["now"]


async def test_discrepancies_and_suspicion(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    await rows.add_item("A")
    await rows.add_card("F1", "A", "L", -1)
    await rows.add_card("F1", "A", "M", 1)
    await rows.add_card("F1", "unknown", "L", 1)
    await rows.add_entry(
        "F1", "unknown", "L", event_uuid(1), occurred_at=LONG_AGO, quantity=1, balance=1
    )
    await rows.add_dead_letter("F1", event_uuid(7), "conflict")
    await rows.add_dead_letter("F2", event_uuid(7), "failed")
    stock = await stock_of(model)
    assert stock.open_discrepancies == 2
    assert not stock.suspect
    assert stock.items[-1].name is None
    await rows.add_dead_letter("F1", event_uuid(7), "failed")
    assert (await stock_of(model)).suspect


async def test_pages_and_one_item(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    for item_id in "DBAC":
        await rows.add_card("F1", item_id, "L", 1)
    page = await find_stock(model, facility_id="F1", partition=0, after_item_id="A", limit=2)
    one = await find_stock(model, facility_id="F1", partition=0, item_id="C")
    other = await find_stock(model, facility_id="F1", partition=0, item_id="X")
    assert page is not None
    assert one is not None
    assert other is not None
    assert [item.item_id for item in page.items] == ["B", "C"]
    assert [item.item_id for item in one.items] == ["C"]
    assert other.items == []


async def test_positions_are_of_the_facility_and_the_reference(
    model: ReadModel, rows: Rows
) -> None:
    await rows.add_facility("F1")
    await rows.add_position("reference", 0, 5)
    await rows.add_position("stock-events", 0, 6)
    await rows.add_position("stock-events", 1, 7)
    known = await find_stock(model, facility_id="F1", partition=1)
    unknown = await find_stock(model, facility_id="F1", partition=None)
    assert known is not None
    assert unknown is not None
    assert known.snapshot.next_offsets == {("reference", 0): 5, ("stock-events", 1): 7}
    assert unknown.snapshot.next_offsets == {
        ("reference", 0): 5,
        ("stock-events", 0): 6,
        ("stock-events", 1): 7,
    }
