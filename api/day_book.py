"""GET /v1/facilities/{facility_id}/events: the day book, and what became of one event."""

from base64 import b64decode
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.event_shapes import DayBookAnswer, EventAnswer
from api.known import reading_router
from api.parameters import (
    EARLIEST,
    LATEST,
    Cursor,
    EventIdPath,
    FacilityId,
    From,
    Limit,
    PrintableText,
    To,
    require_order,
)
from api.services import services_of
from api.shapes import read_answers
from projections.queries.day_book import DayBookEntry, EventFate, find_event, list_events
from stream.errors import Rejected
from stream.events import EVENT_TYPES
from stream.fields import EventId, Id, Instant
from stream.tokens import PositionToken
from stream.topics import STOCK_EVENTS

router = reading_router("reading")

EventType = Literal[EVENT_TYPES]  # type: ignore[valid-type]  # mypy wants the names here
DAY_BOOK_CURSOR: Final[TypeAdapter[tuple[Instant, EventId, Instant]]] = TypeAdapter(
    tuple[Instant, EventId, Instant]
)
NEWEST: Final = (LATEST, "ffffffff-ffff-ffff-ffff-ffffffffffff")

SENTENCES: Final = {
    "applied": "The event counts.",
    "reversed": "The event was reversed and counts no more.",
    "conflict": "Another event with this event_id and other content came later. It was set aside: "
    "the first one, shown here, stands.",
    "failed": "The event is recorded, but Dawalog could not apply it. The facility's figures are "
    "marked as suspect until that is mended; nothing has to be sent again.",
}
DISCARDED: Final = (
    "The event is recorded, but Dawalog could not apply it, and an operator decided that it never "
    "counts. If it did happen, post it again under a new event_id."
)


@router.get("/v1/facilities/{facility_id}/events", responses=read_answers(DayBookAnswer))
async def read_day_book(
    request: Request,
    *,
    facility_id: FacilityId,
    occurred_from: From = None,
    occurred_to: To = None,
    type: Annotated[EventType | None, Query()] = None,  # noqa: A002 (the parameter's public name)
    item_id: Annotated[Id | None, Query()] = None,
    document_no: Annotated[PrintableText | None, Query()] = None,
    prescription_ref: Annotated[PrintableText | None, Query()] = None,
    recorded_by: Annotated[PrintableText | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """A facility's events, newest first. What is private stays sealed and is left out."""
    require_order(occurred_from, occurred_to)
    reading = services_of(request).reading
    before, known_at = NEWEST, LATEST
    if cursor:
        occurred_at, event_id, known_at = decode_cursor(cursor, DAY_BOOK_CURSOR)
        before = occurred_at, event_id
    book = await list_events(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        occurred_from=occurred_from or EARLIEST,
        occurred_to=occurred_to or LATEST,
        before=before,
        known_at=known_at,
        limit=limit + 1,
        event_type=type,
        item_id=item_id,
        document_no=document_no,
        recorded_by=recorded_by,
        prescription_hashes=_hashes(request, prescription_ref),
    )
    if book is None:
        raise facility_not_found(facility_id)
    more = len(book.entries) > limit
    events = [
        shown(entry.body)
        | {
            "recorded_at": in_utc(entry.recorded_at),
            "state": _state(entry),
        }
        for entry in book.entries[:limit]
    ]
    body: dict[str, Any] = {"events": events, "next_cursor": None}
    if more:
        known_at = min(known_at, book.snapshot.taken_at)
        last = events[-1]
        body["next_cursor"] = encode_cursor(last["occurred_at"], last["event_id"], known_at)
    return answer(request, reading, body, book.snapshot, facility_id=facility_id)


@router.get("/v1/facilities/{facility_id}/events/{event_id}", responses=read_answers(EventAnswer))
async def read_event(request: Request, facility_id: FacilityId, event_id: EventIdPath) -> Response:
    """One event, as it stands in the log but for what is private, and what became of it."""
    reading = services_of(request).reading
    fate = await find_event(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        event_id=event_id,
    )
    if fate is None:
        raise Rejected("not-found", "This event isn't in the stock figures, or not yet.")
    body = _told(fate) | {"facility_id": facility_id, "event_id": event_id}
    return answer(request, reading, body, fate.snapshot, facility_id=facility_id)


def _state(entry: DayBookEntry) -> str:
    """As `state_of` tells it of one event."""
    if entry.reversed:
        return "reversed"
    return "conflict" if entry.contradicted else "applied"


def shown(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what only a key can read; `sealed` names the fields that there are."""
    sealed = [
        name for name, value in event.items() if isinstance(value, dict) and "sealed" in value
    ]
    if not sealed:
        return event
    hidden = {*sealed, "prescription_hash"}
    return {name: value for name, value in event.items() if name not in hidden} | {
        "sealed": sorted(sealed)
    }


def state_of(fate: EventFate) -> str:
    if fate.applied is None:
        return "failed"
    if fate.applied.reversed_at is not None:
        return "reversed"
    is_contradicted = any(
        letter.kind == "conflict" and not letter.is_discarded for letter in fate.letters
    )
    return "conflict" if is_contradicted else "applied"


def _told(fate: EventFate) -> dict[str, Any]:
    state = state_of(fate)
    first = fate.applied or fate.letters[0]
    event = fate.applied.body if fate.applied else _lettered_body(fate.letters[0].value)
    place = {(STOCK_EVENTS, first.partition): first.log_offset + 1}
    told = shown(event) | {
        "state": state,
        "position": PositionToken(fate.snapshot.cluster_id, place).encode(),
        "recorded_at": in_utc(first.recorded_at),
        "detail": describe_state(fate),
    }
    if fate.applied and fate.applied.reversed_at:
        told["reversed_at"] = in_utc(fate.applied.reversed_at)
    return told


def describe_state(fate: EventFate) -> str:
    """A sentence for who posted the event."""
    if fate.applied is None and all(letter.is_discarded for letter in fate.letters):
        return DISCARDED
    return SENTENCES[state_of(fate)]


def _lettered_body(value: str | None) -> dict[str, Any]:
    """The event of a dead letter, as far as its bytes can be read."""
    try:
        body = orjson.loads(b64decode(value or ""))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _hashes(request: Request, prescription_ref: str | None) -> list[str] | None:
    if prescription_ref is None:
        return None
    keys = services_of(request).keys.living_keys()
    return [year.prescription_hash(prescription_ref) for year in keys]
