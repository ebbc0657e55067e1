"""Lots that should not have been given out."""

from datetime import timedelta
from typing import Any

from tests.integration.discrepancies.book import (
    MORNING,
    Book,
    count,
    dispense,
    event,
    line,
    receipt,
    reversal,
)

DAY = 24 * 60


async def test_expired_dispensed(book: Book) -> None:
    """A lot is usable through its expiry day, 2 March, in the facility's zone."""
    until_midnight = 14.5 * 60
    await book.post(
        receipt(1, 0, line(100, expiry="2026-03-02")),
        dispense(2, until_midnight - 1, line(1)),
        dispense(3, until_midnight, line(2)),
        event(4, "stock_adjusted", DAY, lines=[line(-3, reason="expired")]),
        event(5, "stock_issued", DAY + 1, to_kind="ward", lines=[line(4)]),
    )
    assert await book.spans("expired_dispensed") == [
        ([3], until_midnight, [], None),
        ([5], DAY + 1, [], None),
    ]
    assert (await book.find("expired_dispensed"))[0].facts == {
        "expiry": "2026-03-02",
        "quantity": 2,
    }
    await book.post(reversal(6, DAY + 2, 5), count(7, DAY + 3, 90))
    assert await book.spans("expired_dispensed") == [([3], until_midnight, [7], DAY + 3)]


async def test_held_dispensed(book: Book) -> None:
    held: dict[str, Any] = {"item_id": "PCM", "lot": "A", "reason": "broken seal"}
    await book.post(
        receipt(1, 0, line(100)),
        dispense(2, 9, line(1)),
        event(3, "lot_held", 10, **held),
        dispense(4, 20, line(1), line(2, lot="B")),
        event(5, "lot_released", 30, **held),
        dispense(6, 31, line(1)),
    )
    assert await book.spans("held_dispensed") == [([4], 20, [], None)]
    await book.post(count(7, 40, 90))
    assert await book.spans("held_dispensed") == [([4], 20, [7], 40)]
    await book.post(reversal(8, 50, 5))
    assert await book.spans("held_dispensed") == [([4], 20, [7], 40), ([6], 31, [7], 40)]
    await book.post(reversal(9, 60, 3))
    assert await book.spans("held_dispensed") == []


async def test_recalled_dispensed(book: Book) -> None:
    def recall(minute: int, **fields: Any) -> dict[str, Any]:
        return {
            "kind": "recall",
            "recall_id": "R1",
            "item_id": "PCM",
            "lot": "a-1",
            "reason": "glass",
            "valid_from": (MORNING + timedelta(minutes=minute)).isoformat(),
        } | fields

    await book.post(
        receipt(1, 0, line(100, "A1", manufacturer="Acme"), line(100, "A 1", manufacturer="Other")),
        *(dispense(2 + n, 10 * n, line(1, "A1"), line(1, "A 1")) for n in range(1, 5)),
    )
    await book.register(recall(15, manufacturer="ACME"))
    await book.register(recall(35, lifted=True))
    spans: list[Any] = [([4], 20, [], None), ([5], 30, [], None)]
    assert await book.spans("recalled_dispensed") == spans
    assert {one.lot for one in await book.find("recalled_dispensed")} == {"A1"}
    await book.post(count(10, 50, 90, "A1"), reversal(11, 60, 4))
    assert await book.spans("recalled_dispensed") == [([5], 30, [10], 50)]
