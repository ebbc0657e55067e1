"""Kinds that last as long as a card is what it shouldn't be."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson

from projections.discrepancies.listing import _statement
from tests.integration.discrepancies.book import (
    EARLIEST,
    LATEST,
    MORNING,
    Book,
    count,
    dispense,
    event,
    event_id,
    line,
    receipt,
    reversal,
)


async def test_negative_stock(book: Book) -> None:
    await book.post(receipt(1, 0, line(10)), dispense(2, 10, line(30)), dispense(3, 20, line(1)))
    assert await book.spans("negative_stock") == [([2], 10, [], None)]
    (found,) = await book.find("negative_stock")
    assert (found.item_id, found.lot, found.line_no) == ("PCM", "A", 1)
    assert found.facts == {"balance": -21}
    assert "-21" in found.sentence
    await book.post(count(4, 30, 5), dispense(5, 40, line(6)))
    assert await book.spans("negative_stock") == [([2], 10, [4], 30), ([5], 40, [], None)]
    assert [one.kind for one in await book.find(since=MORNING + timedelta(minutes=31))] == [
        "negative_stock"
    ]
    await book.post(receipt(6, 5, line(100)))  # the one that was missing, typed late
    assert await book.spans("negative_stock") == [([5], 40, [], None)]
    await book.post(reversal(7, 50, 5))
    assert await book.spans("negative_stock") == []


async def test_a_card_that_was_never_right(book: Book) -> None:
    await book.post(dispense(1, 0, line(1)))
    assert await book.spans("negative_stock") == [([1], 0, [], None)]


async def test_each_line_of_an_event_may_open_one(book: Book) -> None:
    lines = [line(quantity, reason="other") for quantity in (-1, 2, -3)]
    await book.post(event(1, "stock_adjusted", 0, lines=lines))
    first, second = await book.find("negative_stock")
    assert {first.line_no, second.line_no} == {1, 3}
    assert first.discrepancy_id != second.discrepancy_id


async def test_unrecorded_lot(book: Book) -> None:
    await book.post(receipt(1, 0, line(10)), dispense(2, 10, line(4, lot=None)))
    assert await book.spans("unrecorded_lot") == [([2], 10, [], None)]
    assert (await book.find("unrecorded_lot"))[0].lot == ""
    identified = [line(4, None, reason="lot_identified"), line(-4, "A", reason="lot_identified")]
    await book.post(event(3, "stock_adjusted", 20, lines=identified))
    assert await book.spans("unrecorded_lot") == [([2], 10, [3], 20)]
    await book.post(dispense(4, 30, line(1, lot=None)), count(5, 40, 5, complete=True))
    assert await book.spans("unrecorded_lot") == [([2], 10, [3], 20), ([4], 30, [5], 40)]
    await book.post(reversal(6, 50, 4))
    assert await book.spans("unrecorded_lot") == [([2], 10, [3], 20)]


async def test_unknown_item(book: Book) -> None:
    await book.post(
        receipt(1, 10, line(10, item_id="ORS")),
        dispense(2, 20, line(1)),
        recorded_at=MORNING + timedelta(minutes=25),
    )
    assert await book.spans("unknown_item") == [([1], 10, [], None)]
    await book.register(
        {"kind": "item", "item_id": "ORS", "name": "ORS", "base_unit": "sachet"},
        at=MORNING + timedelta(minutes=60),
    )
    assert await book.spans("unknown_item") == [([1], 10, [], 60)]
    await book.post(reversal(3, 70, 1))
    assert await book.spans("unknown_item") == []


async def test_a_register_that_is_typed_in_after_the_item_was_registered(book: Book) -> None:
    """Nobody ever saw stock of an item that the catalogue didn't have."""
    registered = MORNING + timedelta(minutes=60)
    await book.register(
        {"kind": "item", "item_id": "ORS", "name": "ORS", "base_unit": "sachet"}, at=registered
    )
    old = receipt(1, 10, line(10, item_id="ORS"))
    await book.post(old, recorded_at=registered + timedelta(minutes=1))
    assert await book.spans("unknown_item") == []


async def test_the_first_week_of_an_installation_is_listed_without_a_walk(book: Book) -> None:
    """The whole catalogue is as new as the facility's first count of it."""
    items = [f"I{number}" for number in range(400)]
    for item_id in items:
        await book.register_item(item_id)
    lines = [{"item_id": item_id, "lot": "A", "counted": 5} for item_id in items]
    await book.post(
        *(
            event(number, "stock_counted", number, lines=lines[first : first + 200])
            for number, first in ((1, 0), (2, 200))
        )
    )
    # The planner may have looked at the tables never, just now, or before they grew.
    for believed in ("SELECT", "ANALYZE", _BELIEVED_EMPTY):
        await book.connection.execute(believed)
        for kind in ("unknown_item", "negative_stock"):
            statement = _statement("state", (kind,), None)
            asked = (None, None, EARLIEST, LATEST, LATEST, event_id(2**128 - 1), 1000)
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            told = await book.connection.fetchval(explained, *asked)
            assert sum(looks_at_the_ledger(orjson.loads(told)[0]["Plan"])) < 10, (kind, believed)


_BELIEVED_EMPTY = """
    UPDATE pg_class SET reltuples = 0, relpages = 1
    WHERE oid = 'model_1.item_number'::regclass
"""


def looks_at_the_ledger(plan: dict[str, Any]) -> Iterator[int]:
    if plan.get("Relation Name") == "ledger_entry":
        yield plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from looks_at_the_ledger(part)


async def test_unknown_item_that_was_registered_in_time(book: Book) -> None:
    await book.post(receipt(1, 10, line(10, item_id="ORS")))
    await book.register_item("ORS", valid_from=MORNING.isoformat())
    assert await book.spans("unknown_item") == []


async def test_expiry_differs(book: Book) -> None:
    await book.post(
        receipt(1, 0, line(10, expiry="2027-03")),
        receipt(2, 10, line(10, expiry="2027-03-31")),
        dispense(3, 20, line(1)),
        receipt(4, 30, line(10, expiry="2028-03")),
    )
    assert await book.spans("expiry_differs") == [([1, 4], 30, [], None)]
    (found,) = await book.find("expiry_differs")
    assert found.facts == {"first": "2027-03-31", "then": "2028-03-31"}
    await book.post(dispense(5, 40, line(29)))
    assert await book.spans("expiry_differs") == [([1, 4], 30, [5], 40)]
    await book.post(reversal(6, 50, 4))
    assert await book.spans("expiry_differs") == []
