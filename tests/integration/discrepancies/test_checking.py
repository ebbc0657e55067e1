"""Warnings before posting."""

from datetime import timedelta
from typing import Any

import orjson

from projections.discrepancies.checking import Warned, check_event
from projections.discrepancies.warnings import SENTENCES
from stream.codec import decode_event, encode_event
from stream.posting import parse_event
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
from tests.integration.discrepancies.conftest import FACILITY

DAY = 24 * 60


async def warnings(book: Book, posted: Event) -> list[Warned]:
    """What is warned of, were it posted now; the sentences can be said."""
    drafted = encode_event(
        parse_event(orjson.loads(orjson.dumps(posted))),
        recorded_by="test",
        source="api",
        partitions=1,
        keys=book.keys,
    )
    logged = decode_event(drafted.key, drafted.value, drafted.headers)
    check = await check_event(book.model, logged, draft=drafted, partition=0)
    assert all(warned.sentence for warned in check.warnings)
    return check.warnings


async def types(book: Book, posted: Event) -> list[tuple[int | None, str]]:
    return [(warned.line_no, warned.type) for warned in await warnings(book, posted)]


async def test_nothing_to_warn_of(book: Book) -> None:
    assert await types(book, receipt(1, 0, line(10, expiry="2027-03"))) == []
    await book.post(receipt(1, 0, line(10, expiry="2027-03")))
    assert await types(book, dispense(2, 10, line(10))) == []
    assert await types(book, count(3, 20, 500)) == []
    assert await types(book, reversal(4, 20, 1)) == []


async def test_more_than_on_hand(book: Book) -> None:
    await book.post(receipt(1, 10, line(10), line(5, "B")), dispense(2, 30, line(4)))
    assert await types(book, dispense(3, 40, line(4), line(3))) == [(2, "more_than_on_hand")]
    assert await types(book, dispense(3, 20, line(10))) == []
    assert await types(book, dispense(3, 5, line(1))) == [(1, "more_than_on_hand")]
    assert await types(book, dispense(3, 40, line(11, None))) == []
    (warned,) = await warnings(book, dispense(3, 40, line(12, None)))
    assert warned.facts == {"quantity": 12, "on_hand": 11}
    corrected = dispense(3, 40, line(10), corrects=event_id(2))
    assert await types(book, corrected) == []
    assert await types(book, dispense(2, 30, line(4))) == []  # it is posted already


async def test_expired(book: Book) -> None:
    await book.post(receipt(1, 0, line(10, expiry="2026-03-02"), line(10, "B")))
    assert await types(book, dispense(2, 14.5 * 60 - 1, line(1))) == []
    assert await types(book, dispense(2, 14.5 * 60, line(1), line(1, "B"))) == [(1, "lot_expired")]
    assert await types(book, receipt(3, 0, line(1, "C", expiry="2026-02"))) == [(1, "lot_expired")]
    gone = event(4, "stock_adjusted", DAY, lines=[line(-10, reason="expired")])
    assert await types(book, gone) == []


async def test_held_and_recalled(book: Book) -> None:
    await book.post(
        receipt(1, 0, line(10), line(10, "B")),
        event(2, "lot_held", 10, item_id="PCM", lot="A", reason="broken seal"),
    )
    recall: dict[str, Any] = {"kind": "recall", "recall_id": "R1", "item_id": "PCM", "lot": "b"}
    at = (MORNING + timedelta(minutes=10)).isoformat()
    await book.register(recall | {"reason": "glass", "valid_from": at})
    assert await types(book, dispense(3, 9, line(1), line(1, "B"))) == []
    assert await types(book, dispense(3, 10, line(1), line(1, "B"))) == [
        (1, "lot_held"),
        (2, "lot_recalled"),
    ]
    assert await types(book, receipt(3, 10, line(1), line(1, "B"))) == [(2, "lot_recalled")]


async def test_duplicates(book: Book) -> None:
    await book.post(receipt(1, 0, line(10), line(9, "B"), document_no="C/1"))
    again = receipt(2, 5, line(19, "C"), document_no="C/1")
    (warned,) = await warnings(book, again)
    assert (warned.type, warned.facts) == ("possible_duplicate", {"event_id": event_id(1)})
    assert await types(book, again | {"event_id": event_id(1)}) == [(None, "event_id_taken")]
    assert await types(book, again | {"corrects": event_id(1)}) == []
    given = dispense(3, 10, line(1), prescription_ref="OPD-1")
    await book.post(given)
    assert await types(book, given | {"event_id": event_id(4)}) == [(1, "possible_duplicate")]


async def test_unusual_and_unknown(book: Book) -> None:
    await book.post(receipt(1, 0, line(10_000)), *(dispense(n, n, line(10)) for n in range(2, 7)))
    assert await types(book, dispense(9, 10, line(99))) == []
    assert await types(book, dispense(9, 10, line(100))) == [(1, "unusual_quantity")]
    assert await types(book, receipt(9, 10, line(1, item_id="ORS"))) == [(1, "unknown_item")]
    held = event(9, "lot_held", 10, item_id="ORS", lot="A", reason="broken seal")
    assert await types(book, held) == [(None, "unknown_item")]
    assert len(SENTENCES) == 10


async def test_more_than_was_prescribed(book: Book) -> None:
    await book.post(receipt(1, 0, line(100)))
    assert await types(book, dispense(9, 10, line(50, prescribed=6))) == [
        (1, "more_than_prescribed")
    ]
    for enough in (line(6, prescribed=6), line(0, prescribed=6), line(6)):
        assert await types(book, dispense(9, 10, enough)) == []


async def test_a_transfer_to_nowhere(book: Book) -> None:
    await book.post(receipt(1, 0, line(100)))

    def sent(to: str) -> Event:
        lines = [line(1)]
        return event(9, "transfer_dispatched", 10, transfer_id="T1", to_facility_id=to, lines=lines)

    assert await types(book, sent("F9")) == [(None, "unknown_facility")]
    await book.register(FACILITY | {"facility_id": "F9"})
    assert await types(book, sent("F9")) == []


async def test_an_id_that_is_taken(book: Book) -> None:
    await book.post(receipt(1, 0, line(10)))
    assert await types(book, receipt(1, 0, line(10))) == []
    assert await types(book, receipt(1, 0, line(11))) == [(None, "event_id_taken")]
