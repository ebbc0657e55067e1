"""What a single event did wrong, until the card is counted."""

from typing import Any

import pytest

from tests.integration.discrepancies.book import (
    Book,
    Event,
    count,
    dispense,
    event,
    line,
    receipt,
    reversal,
)

DAY = 24 * 60


async def test_a_receipt_posted_twice(book: Book) -> None:
    await book.register_item("ORS")
    both = line(10), line(20, item_id="ORS")
    await book.post(
        receipt(1, 0, *both, document_no="C/1"),
        receipt(2, 10, *both, document_no="C/1"),
        receipt(3, 20, *both, document_no="C/2"),
        receipt(4, 30, line(11), document_no="C/1"),  # the rest of it
        receipt(5, 91 * DAY, line(10), document_no="C/1"),  # next year's
    )
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [], None)]
    (found,) = await book.find("possible_duplicate")
    assert (found.item_id, found.line_no) == (None, 1)
    assert found.facts == {"by": "document_no", "items": ["ORS", "PCM"]}
    await book.post(count(6, 40, 40))
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [], None)]
    counted = [{"item_id": "ORS", "lot": "A", "counted": 40}]
    await book.post(event(7, "stock_counted", 50, lines=counted))
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [6, 7], 50)]
    await book.post(reversal(8, 60, 1))
    assert await book.spans("possible_duplicate") == []


async def test_a_prescription_typed_twice(book: Book) -> None:
    def given(number: int, minute: float, *lines: Event, ref: str = "OPD-1") -> Event:
        return dispense(number, minute, *lines, prescription_ref=ref)

    await book.post(
        given(1, 0, line(6), line(4, "B")),
        given(2, 10, line(10)),
        given(3, 20, line(10), ref="OPD-2"),
        given(4, 30, line(5)),
        given(5, 40, line(0, item_id="ORS")),
        given(6, 50, line(0, item_id="ORS")),
        given(7, 8 * DAY, line(10)),  # given again the week after
    )
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [], None)]
    await book.post(count(8, 60, 0, "B"))
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [], None)]
    await book.post(count(9, 70, 0))
    assert await book.spans("possible_duplicate") == [([1, 2], 10, [9], 70)]
    await book.post(given(10, 80, line(9)) | {"corrects": given(2, 0)["event_id"]})
    assert await book.spans("possible_duplicate") == []


async def test_a_challan_as_receipt_and_as_transfer(book: Book) -> None:
    arrived: dict[str, Any] = {"from_facility_id": "STORE", "transfer_id": "CH.12-26"}
    await book.post(
        event(1, "transfer_received", 10, lines=[line(10)], **arrived),
        receipt(2, 0, line(10, "B"), document_no="ch 12/26"),
        receipt(3, 0, line(10, item_id="ORS"), document_no="CH 12/26"),
        receipt(4, 100 * DAY, line(10), document_no="CH 12/26"),
    )
    assert await book.spans("receipt_and_transfer") == [([2, 1], 10, [], None)]
    (found,) = await book.find("receipt_and_transfer")
    assert (found.item_id, found.facts["items"]) == ("PCM", ["PCM"])
    await book.post(count(5, 20, 10))
    assert await book.spans("receipt_and_transfer") == [([2, 1], 10, [5], 20)]
    await book.post(reversal(6, 30, 2))
    assert await book.spans("receipt_and_transfer") == []


async def test_packs_and_tablets_confused(book: Book) -> None:
    await book.register_item(pack_size=15)
    usual = [dispense(number, number, line(10)) for number in range(1, 6)]
    await book.post(*usual, dispense(6, 10, line(149)), dispense(7, 11, line(150)))
    assert await book.spans("unusual_quantity") == [([7], 11, [], None)]
    (found,) = await book.find("unusual_quantity")
    assert found.facts == {"quantity": 150, "usual": 10, "factor": 15}
    await book.post(count(8, 20, 90))
    assert await book.spans("unusual_quantity") == [([7], 11, [8], 20)]
    await book.post(dispense(9, 11, line(10)) | {"corrects": dispense(7, 0)["event_id"]})
    assert await book.spans("unusual_quantity") == []


@pytest.mark.parametrize(
    ("fields", "quantities", "unusual"),
    [
        ({}, [9, 1000], []),  # no pack, no history: nothing is usual
        ({"pack_size": 20}, [399, 400], [400]),  # a dispense of 20 packs
        ({"pack_size": 1}, [2, 2, 2, 2, 2, 19, 20], [20]),
    ],
)
async def test_what_is_usual(
    book: Book, fields: dict[str, Any], quantities: list[int], unusual: list[int]
) -> None:
    await book.register_item(**fields)
    await book.post(*(dispense(n, n, line(quantity)) for n, quantity in enumerate(quantities, 1)))
    found = await book.find("unusual_quantity")
    assert [one.facts["quantity"] for one in found] == unusual


async def test_what_was_prescribed_is_usual(book: Book) -> None:
    usual = [dispense(number, number, line(2)) for number in range(1, 9)]
    await book.post(
        *usual,
        dispense(10, 20, line(90, prescribed=90)),
        dispense(11, 21, line(90, prescribed=9)),
    )
    assert await book.spans("unusual_quantity") == [([11], 21, [], None)]


async def test_a_receipt_in_packs_instead_of_tablets(book: Book) -> None:
    receipts = [receipt(number, number, line(1000)) for number in range(1, 6)]
    await book.post(*receipts, receipt(6, 10, line(100)), receipt(7, 11, line(101)))
    assert await book.spans("unusual_quantity") == [([6], 10, [], None)]
    # what was usual in January and May says nothing of it
    moved = [receipt(n, 90 * DAY, line(10_000)) for n in range(10, 16)]
    await book.post(*moved)
    assert await book.spans("unusual_quantity") == [([6], 10, [], None)]
