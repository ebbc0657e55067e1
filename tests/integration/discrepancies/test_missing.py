"""Events that are missing, came to nothing, or came from a wrong clock."""

from datetime import timedelta
from typing import Any

from tests.integration.discrepancies.book import (
    MORNING,
    Book,
    Event,
    count,
    dispense,
    event,
    event_id,
    line,
    receipt,
    reversal,
)


def numbered(number: int, seq: int, device: str = "TAB", **fields: Any) -> Event:
    return receipt(number, number, line(1), device_id=device, device_seq=seq, **fields)


async def test_device_gap(book: Book) -> None:
    await book.post(
        *(numbered(*one) for one in ((1, 5), (2, 6), (3, 10), (4, 11), (5, 14))),
        numbered(6, 1, device="PC"),
        numbered(7, 3, device="PC"),
    )
    assert await book.spans("device_gap") == [
        ([2, 3], 3, [], None),
        ([4, 5], 5, [], None),
        ([6, 7], 7, [], None),
    ]
    first, *_ = await book.find("device_gap")
    assert first.facts == {"device_id": "TAB", "first_missing": 7, "last_missing": 9}
    await book.post(numbered(8, 8), reversal(9, 20, 4))
    assert await book.spans("device_gap") == [
        ([8, 3], 3, [], None),
        ([4, 5], 5, [], None),
        ([6, 7], 7, [], None),
        ([2, 8], 8, [], None),
    ]
    await book.post(*(numbered(10 + seq, seq) for seq in (7, 9, 12, 13)))
    assert await book.spans("device_gap") == [([6, 7], 7, [], None)]


async def test_one_number_for_two_events(book: Book) -> None:
    await book.post(numbered(1, 1), numbered(2, 3), numbered(3, 3))
    assert await book.spans("device_gap") == [([1, 2], 2, [], None)]


async def test_clock_off(book: Book) -> None:
    async def sent(number: int, minute: float, off: float, **fields: Any) -> None:
        """Posted at a minute by a device whose clock is off by so many."""
        at = MORNING + timedelta(minutes=minute)
        sent_at = (at + timedelta(minutes=off)).isoformat()
        posted = receipt(number, minute + min(off, 0), line(1), sent_at=sent_at, **fields)
        await book.post(posted, recorded_at=at)

    await sent(1, 10, 9)
    await sent(2, 20, -11, device_id="TAB")
    await sent(3, 30, -3 * 24 * 60, device_id="TAB")
    await sent(4, 2000, 11, device_id="TAB")
    await sent(5, 2010, 0, device_id="PC")
    assert await book.spans("clock_off") == [([2], 20, [], None)]
    (found,) = await book.find("clock_off")
    assert (found.facts["device_id"], found.facts["events"]) == ("TAB", 3)
    await sent(6, 2020, 5, device_id="TAB")
    assert await book.spans("clock_off") == [([2], 20, [6], 2020)]
    await sent(7, 2030, 12, device_id="TAB")
    assert await book.spans("clock_off") == [([2], 20, [6], 2020), ([4], 2000, [], None)]
    at = MORNING + timedelta(minutes=2040)
    await book.post(reversal(8, 2040, 4), reversal(9, 2040, 7), recorded_at=at)
    assert await book.spans("clock_off") == [([2], 20, [6], 2020)]


async def test_an_event_posted_late_comes_from_no_wrong_clock(book: Book) -> None:
    at = MORNING + timedelta(days=2)
    await book.post(receipt(1, 0, line(1), sent_at=at.isoformat()), recorded_at=at)
    assert await book.find("clock_off") == []


async def test_reversal_of_a_reversal(book: Book) -> None:
    await book.post(receipt(1, 0, line(10)), reversal(2, 10, 1), reversal(3, 20, 2))
    assert await book.spans("reversal_without_effect") == [([3], 20, [], None)]
    await book.post(count(4, 15, 10), count(5, 30, 10))
    assert await book.spans("reversal_without_effect") == [([3], 20, [5], 30)]


async def test_correction_of_a_reversal(book: Book) -> None:
    correction = dispense(3, 20, line(1), corrects=event_id(2))
    await book.post(receipt(1, 0, line(10)), reversal(2, 10, 1), correction)
    assert await book.spans("reversal_without_effect") == [([3], 20, [], None)]
    await book.post(reversal(4, 30, 3))
    assert await book.spans("reversal_without_effect") == []


async def test_reversal_that_waits(book: Book) -> None:
    await book.post(reversal(1, 10, 2), dispense(3, 20, line(1), corrects=event_id(4)))
    assert await book.spans("reversal_waiting") == [([1], 10, [], None), ([3], 20, [], None)]
    await book.post(event(2, "stock_issued", 0, to_kind="ward", lines=[line(1)]))
    assert await book.spans("reversal_waiting") == [([3], 20, [], None)]
