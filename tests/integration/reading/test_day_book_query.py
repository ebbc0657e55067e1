"""The day book's filters and order, and the fate of one event."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api.day_book import DISCARDED, NEWEST, SENTENCES, describe_state, state_of
from api.parameters import EARLIEST, LATEST
from projections.queries.day_book import DayBookEntry, find_event, list_events
from projections.reading import ReadModel
from tests.integration.reading.rows import LONG_AGO, Rows, event_uuid

T = datetime(2026, 1, 1, tzinfo=UTC)


async def ids_of(model: ReadModel, **filters: Any) -> list[int]:
    """Numbers of the listed events."""
    asked: dict[str, Any] = {
        "occurred_from": EARLIEST,
        "occurred_to": LATEST,
        "before": NEWEST,
        "known_at": LATEST,
        "limit": 100,
    } | filters
    book = await list_events(model, facility_id="F1", partition=0, **asked)
    assert book is not None
    return [int(entry.body["event_id"].replace("-", ""), 16) for entry in book.entries]


async def fill(rows: Rows) -> None:
    lines = [{"item_id": "A", "quantity": 1}, {"item_id": "B", "quantity": 2}]
    await rows.add_event("F1", event_uuid(1), occurred_at=T, lines=lines, document_no="C-7")
    await rows.add_event(
        "F1",
        event_uuid(2),
        occurred_at=T + timedelta(hours=2),
        event_type="medicine_dispensed",
        lines=lines[:1],
        prescription_hash="k:aa",
    )
    await rows.add_event(
        "F1",
        event_uuid(3),
        occurred_at=T + timedelta(hours=1),
        recorded_at=T + timedelta(days=1),
        event_type="lot_held",
        item_id="C",
        recorded_by="somebody",
    )
    await rows.add_event("F2", event_uuid(4), occurred_at=T, lines=lines)


async def test_newest_first(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    assert await ids_of(model) == [2, 3, 1]


async def test_filters(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    assert await ids_of(model, occurred_from=T + timedelta(hours=1)) == [2, 3]
    assert await ids_of(model, occurred_to=T + timedelta(hours=1)) == [3, 1]
    assert await ids_of(model, event_type="stock_received") == [1]
    assert await ids_of(model, item_id="A") == [2, 1]
    assert await ids_of(model, item_id="B") == [1]
    assert await ids_of(model, item_id="C") == [3]
    assert await ids_of(model, document_no="C-7") == [1]
    assert await ids_of(model, recorded_by="somebody") == [3]
    assert await ids_of(model, recorded_by="somebody", document_no="C-7") == []
    assert await ids_of(model, prescription_hashes=["j:aa", "k:aa"]) == [2]
    assert await ids_of(model, prescription_hashes=[]) == []
    assert await ids_of(model, known_at=T) == [2, 1]


async def test_pages(model: ReadModel, rows: Rows) -> None:
    await fill(rows)
    assert await ids_of(model, limit=2) == [2, 3]
    assert await ids_of(model, before=(T + timedelta(hours=1), event_uuid(3))) == [1]


async def test_unknown_facility(model: ReadModel, rows: Rows) -> None:
    book = await list_events(
        model,
        facility_id="F1",
        partition=0,
        occurred_from=EARLIEST,
        occurred_to=LATEST,
        before=NEWEST,
        known_at=LATEST,
        limit=1,
    )
    assert book is None


async def state(model: ReadModel, number: int) -> str | None:
    fate = await find_event(model, facility_id="F1", partition=0, event_id=event_uuid(number))
    return None if fate is None else state_of(fate)


async def test_states(model: ReadModel, rows: Rows) -> None:
    await rows.add_event("F1", event_uuid(1))
    await rows.add_event("F1", event_uuid(2), reversed_at=T)
    await rows.add_event("F1", event_uuid(3))
    await rows.add_dead_letter("F1", event_uuid(3), "conflict")
    await rows.add_dead_letter("F1", event_uuid(4), "failed", b'{"event_id": "x"}')
    await rows.add_event("F2", event_uuid(5))
    await rows.add_event("F1", event_uuid(6), reversed_at=T)
    await rows.add_dead_letter("F1", event_uuid(6), "conflict")
    await rows.add_event("F1", event_uuid(7))
    await rows.add_dead_letter("F1", event_uuid(7), "conflict")
    await discard(rows, 7)
    assert [await state(model, number) for number in range(1, 8)] == [
        "applied",
        "reversed",
        "conflict",
        "failed",
        None,
        "reversed",
        "applied",
    ]


async def test_the_list_says_where_another_event_came_under_the_same_id(
    model: ReadModel, rows: Rows
) -> None:
    for number in (1, 2, 3):
        await rows.add_event("F1", event_uuid(number))
    for number in (2, 3):
        await rows.add_dead_letter("F1", event_uuid(number), "conflict")
    await discard(rows, 3)
    listed = await list_all(model, known_at=LATEST)
    assert {number: listed[number].contradicted for number in listed} == {
        1: False,
        2: True,
        3: False,
    }


async def test_what_was_recorded_after_the_first_page_is_not_told(
    model: ReadModel, rows: Rows
) -> None:
    await rows.add_event("F1", event_uuid(1), reversed_at=T)
    assert (await list_all(model, known_at=T))[1].reversed
    assert not (await list_all(model, known_at=T - timedelta(seconds=1)))[1].reversed
    await rows.add_event("F1", event_uuid(2))
    await rows.add_dead_letter("F1", event_uuid(2), "conflict")
    assert (await list_all(model, known_at=LONG_AGO))[2].contradicted
    await rows.connection.execute("UPDATE dead_letter SET recorded_at = $1", T)
    assert not (await list_all(model, known_at=LONG_AGO))[2].contradicted


async def list_all(model: ReadModel, known_at: datetime) -> dict[int, DayBookEntry]:
    """By number of the event."""
    book = await list_events(
        model,
        facility_id="F1",
        partition=0,
        occurred_from=EARLIEST,
        occurred_to=LATEST,
        before=NEWEST,
        known_at=known_at,
        limit=9,
    )
    assert book is not None
    return {int(entry.body["event_id"].replace("-", ""), 16): entry for entry in book.entries}


async def discard(rows: Rows, number: int) -> None:
    await rows.connection.execute(
        "INSERT INTO dead_letter_decision SELECT topic || '/' || partition || '/' || log_offset,"
        " topic, partition, log_offset, 0, kind, 'discarded', 'a reason', 'asha', recorded_at"
        " FROM dead_letter WHERE event_id = $1",
        event_uuid(number),
    )


async def test_a_discarded_event_is_told_from_one_that_waits(model: ReadModel, rows: Rows) -> None:
    await rows.add_dead_letter("F1", event_uuid(1), "failed")
    await rows.add_dead_letter("F1", event_uuid(2), "failed")
    await discard(rows, 2)
    told = []
    for number in (1, 2):
        fate = await find_event(model, facility_id="F1", partition=0, event_id=event_uuid(number))
        assert fate is not None
        told.append(describe_state(fate))
    assert told == [SENTENCES["failed"], DISCARDED]
