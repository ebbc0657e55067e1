"""The state at a glance, against the stock answer that it sums up."""

import itertools
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from projections.queries.overview import PACE_SECONDS, FacilityGlance, Overview, find_overview
from projections.queries.stock import find_stock
from projections.reading import ReadModel
from projections.usable import usable_quantity
from tests.integration.reading.rows import DAY, LONG_AGO, Rows, event_uuid


async def glance(model: ReadModel, facility_id: str = "F1") -> FacilityGlance:
    overview = await find_overview(model, limit=100)
    (found,) = (place for place in overview.facilities if place.facility_id == facility_id)
    return found


async def add_items(rows: Rows, prefix: str, *, unrecorded: int, states: str) -> None:
    """An item for each way to leave out some of five lots. `states` has a letter for each: usable,
    held, recalled, taken back (held once, then released), void (a hold that was reversed)."""
    today, tomorrow = rows.today, rows.today + DAY
    lots = [(today - DAY, 3), (today, 2), (tomorrow, 4), (None, 1), (tomorrow, -2)]
    for kept in itertools.product((False, True), repeat=len(lots)):
        item_id = prefix + "".join(map(str, map(int, kept)))
        for index in itertools.compress(range(len(lots)), kept):
            expiry, on_hand = lots[index]
            lot = f"L-{len(lots) - index}"  # not in the order of expiry
            await rows.add_card("F1", item_id, lot, on_hand, expiry=expiry)
            await withhold(rows, item_id, lot, states[index])
        if unrecorded:
            await rows.add_card("F1", item_id, "", unrecorded)


async def withhold(rows: Rows, item_id: str, lot: str, state: str) -> None:
    match state:
        case "h":
            await add_hold(rows, item_id, lot, LONG_AGO, is_hold=True)
        case "v":
            await add_hold(rows, item_id, lot, LONG_AGO, is_hold=True, reversed_at=LONG_AGO)
        case "t":
            await add_hold(rows, item_id, lot, LONG_AGO, is_hold=True)
            await add_hold(rows, item_id, lot, LONG_AGO + DAY, is_hold=False)
        case "r":
            await rows.connection.execute(
                "INSERT INTO recall_record VALUES ($1, $2, 0, $2, $3, $4, NULL, false, '{}')",
                f"R{item_id}.{lot}",
                LONG_AGO,
                item_id,
                lot.lower().replace("-", ""),  # spelt in another way
            )
        case _:
            assert state == "u"


async def add_hold(
    rows: Rows,
    item_id: str,
    lot: str,
    at: datetime,
    *,
    is_hold: bool,
    reversed_at: datetime | None = None,
) -> None:
    event_id = str(uuid4())
    kind = "lot_held" if is_hold else "lot_released"
    await rows.add_event("F1", event_id, occurred_at=at, event_type=kind, reversed_at=reversed_at)
    await rows.connection.execute(
        "INSERT INTO lot_hold VALUES ($1, $2, $3, $4, $5, $6)",
        await rows.facility_no("F1"),
        await rows.item_no(item_id),
        lot,
        at,
        event_id,
        is_hold,
    )


async def test_items_in_stock_are_those_with_usable_stock(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1")
    for unrecorded in (-11, -10, -4, -3, -2, -1, 0, 5):
        await add_items(rows, f"A{unrecorded}.", unrecorded=unrecorded, states="uuuuu")
    for unrecorded in (-8, -5, -2, 0):
        await add_items(rows, f"B{unrecorded}.", unrecorded=unrecorded, states="huhtr")
        await add_items(rows, f"C{unrecorded}.", unrecorded=unrecorded, states="vtrhu")
    stock = await find_stock(model, facility_id="F1", partition=0)
    assert stock is not None
    states = {(lot.held, lot.recalled) for item in stock.items for lot in item.lots}
    assert states == {(False, False), (True, False), (False, True)}
    seen = await glance(model)
    usable = sum(usable_quantity(item.lots, rows.today) > 0 for item in stock.items)
    assert 0 < usable < seen.items == len(stock.items)
    assert seen.items_in_stock == usable


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Nowhere/None"])
async def test_a_lot_is_usable_through_the_local_day(
    model: ReadModel, rows: Rows, zone: str
) -> None:
    await rows.add_facility("F1", time_zone=zone)
    local = ZoneInfo("Asia/Kolkata" if zone == "Nowhere/None" else zone)
    today = datetime.now(local).date()
    await rows.add_card("F1", "A", "L", 1, expiry=today)
    await rows.add_card("F1", "B", "L", 1, expiry=today - DAY)
    assert (await glance(model)).items_in_stock == 1


async def test_essential_items_without_a_card_are_out(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1", level="PHC")
    await rows.add_facility("F2", level="DH")
    await rows.add_item("A", levels=["DH", "PHC"])
    await rows.add_item("B", levels=["PHC"])
    await rows.add_item("C", levels=["DH"])
    await rows.add_item("D")
    await rows.add_card("F1", "B", "L", 1)
    await rows.add_card("F1", "C", "L", 1)
    await rows.add_card("F1", "unknown", "L", 0)
    first, second = await glance(model), await glance(model, "F2")
    assert (first.items, first.items_in_stock) == (4, 2)  # A, B, C and the unknown one
    assert (second.items, second.items_in_stock) == (2, 0)  # A, C


async def test_pages_by_district(model: ReadModel, rows: Rows) -> None:
    await rows.add_district("D2")
    for number in range(1, 6):
        await rows.add_facility(f"F{number}", district_id=f"D{number % 2 + 1}")
    await rows.add_facility("F2", district_id="D2", valid_from=datetime.now(UTC) - DAY)

    async def ids(district_id: str | None, after: str, limit: int) -> tuple[list[str], int]:
        page = await find_overview(model, district_id=district_id, after=after, limit=limit)
        return [place.facility_id for place in page.facilities], page.facility_count

    assert await ids(None, "", 3) == (["F1", "F2", "F3"], 5)
    assert await ids(None, "F3", 3) == (["F4", "F5"], 5)
    assert await ids("D2", "", 9) == (["F1", "F2", "F3", "F5"], 4)  # F2 has moved there
    assert await ids("D1", "", 9) == (["F4"], 1)
    assert (await glance(model)).district_name == "D2"
    assert (await glance(model, "F4")).district_name is None


async def test_newest_events_with_their_first_lines(model: ReadModel, rows: Rows) -> None:
    now = datetime.now(UTC)
    await rows.add_facility("F1", name="PHC One")
    await rows.add_item("A", name="Ay")
    lines = [{"item_id": item_id, "quantity": 2} for item_id in ("A", "X", "A", "A")]
    await rows.add_event("F1", event_uuid(1), recorded_at=now - 2 * DAY, lines=lines)
    await rows.add_event(
        "F1",
        event_uuid(2),
        occurred_at=now - 3 * DAY,  # posted late
        recorded_at=now - DAY,
        event_type="event_reversed",
        reverses=event_uuid(1),
    )
    newest, older = (await find_overview(model, limit=1)).newest_events
    assert (newest.event_id, newest.line_count, newest.lines) == (event_uuid(2), 0, None)
    assert (older.facility_name, older.line_count) == ("PHC One", 4)
    assert older.lines == [["A", "Ay", 2], ["X", None, 2], ["A", "Ay", 2]]


async def test_pace_of_the_last_minute(model: ReadModel, rows: Rows) -> None:
    async def pace() -> float:
        return (await find_overview(model, limit=1)).events_per_second

    now = datetime.now(UTC)
    await rows.add_event("F1", event_uuid(1), recorded_at=now - DAY)
    assert await pace() == 0
    for number in range(2, 5):
        await rows.add_event("F1", event_uuid(number), recorded_at=now)
    assert await pace() == 3 / PACE_SECONDS


async def test_pace_where_a_minute_has_too_many(model: ReadModel, rows: Rows) -> None:
    await rows.connection.execute(
        "INSERT INTO event SELECT 1, gen_random_uuid(), 'lot_held', now(), "
        "now() - number * interval '1 millisecond', NULL, 0, number, '\\x', '{}' "
        "FROM generate_series(0, 9999) AS number"
    )
    overview: Overview = await find_overview(model, limit=1)
    assert 500 < overview.events_per_second <= 1000
