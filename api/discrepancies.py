"""GET /v1/discrepancies: what is wrong in the books, since when, and what to do."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import LATEST, Cursor, Limit, require_order, within_range
from api.services import services_of
from api.shapes import Page, Shape, read_answers
from projections.discrepancies.listing import (
    KINDS,
    Discrepancies,
    Discrepancy,
    Scope,
    list_discrepancies,
)
from stream.errors import Fault, Rejected
from stream.fields import EventId, Id, Instant

router = reading_router("reading")

KIND_NAMES: Final = tuple(KINDS)
KindName = Literal[KIND_NAMES]  # type: ignore[valid-type]  # mypy wants the names here
LOOK_BACK: Final[dict[Scope, timedelta]] = {
    "facility": timedelta(days=30),
    "district": timedelta(days=7),
    "state": timedelta(days=7),
}
"""How far back is looked where `from` doesn't say: a district has some 400 facilities' events."""

DISCREPANCY_CURSOR: Final[TypeAdapter[tuple[Instant, EventId, Instant]]] = TypeAdapter(
    tuple[Instant, EventId, Instant]
)
NEWEST: Final = (LATEST, "ffffffff-ffff-ffff-ffff-ffffffffffff")


class DiscrepancyShape(Shape):
    discrepancy_id: str
    """The same each time that it is found."""
    kind: str
    state: Literal["open", "closed"]
    facility_id: str
    item_id: str | None
    """None: it is about no item, or about several, named in `facts`."""
    lot: str | None
    """None: no lot, or the item's unrecorded one."""
    line_no: int | None
    opened_at: datetime
    opened_by: list[str]
    """Event ids; the last one opened it, the others are what it doesn't go with."""
    closed_at: datetime | None
    closed_by: list[str]
    """Event ids; empty where no event ended it."""
    detail: str
    facts: dict[str, Any]


class DiscrepanciesAnswer(Page):
    looked_back_to: datetime
    discrepancies: list[DiscrepancyShape]


@router.get("/v1/discrepancies", responses=read_answers(DiscrepanciesAnswer))
async def read_discrepancies(
    request: Request,
    *,
    facility_id: Annotated[Id | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    kind: Annotated[KindName | None, Query()] = None,
    state: Annotated[Literal["open", "closed"] | None, Query()] = None,
    since: Annotated[
        Instant | None,
        Query(alias="from", description="not yet ended at this instant; default: see below"),
    ] = None,
    until: Annotated[
        Instant | None, Query(alias="to", description="opened at or before this instant")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Discrepancies of a facility, a district or the state, newest first. They block nobody.

    `looked_back_to` is `from`, or 30 days ago for a facility, 7 for a district or the state. What
    ended before isn't listed. Kinds that only a walk through events finds (possible_duplicate,
    unusual_quantity, device_gap) are looked for among the events that occurred since then; all
    others are listed as long as they are open, however old.
    """
    require_order(since, until)
    scope, scope_id = _scope(facility_id, district)
    before = NEWEST
    looked_back_to = within_range(since) or datetime.now(UTC) - LOOK_BACK[scope]
    if cursor:
        opened_at, last_id, looked_back_to = decode_cursor(cursor, DISCREPANCY_CURSOR)
        before = opened_at, last_id
    reading = services_of(request).reading
    found = await list_discrepancies(
        reading.model,
        scope=scope,
        scope_id=scope_id,
        partition=reading.log_ends.partition_of(facility_id) if facility_id else None,
        kind=kind,
        state=state,
        since=looked_back_to,
        until=within_range(until) or LATEST,
        before=before,
        limit=limit + 1,
    )
    if found is None:
        raise facility_not_found(facility_id or "")
    body = _page(found, limit, looked_back_to)
    return answer(
        request,
        reading,
        body,
        found.snapshot,
        facility_id=facility_id,
        whole_state=facility_id is None,
    )


def _scope(facility_id: str | None, district_id: str | None) -> tuple[Scope, str | None]:
    if facility_id and district_id:
        fault = Fault("/district", "a facility's district is known: leave this out")
        raise Rejected("bad-parameter", "Ask for a facility or for a district, not both.", [fault])
    if facility_id:
        return "facility", facility_id
    return ("district", district_id) if district_id else ("state", None)


def _page(found: Discrepancies, limit: int, looked_back_to: datetime) -> dict[str, Any]:
    last = found.entries[limit - 1] if len(found.entries) > limit else None
    return {
        "looked_back_to": looked_back_to,
        "discrepancies": [_told(entry) for entry in found.entries[:limit]],
        "next_cursor": last
        and encode_cursor(in_utc(last.opened_at), last.discrepancy_id, looked_back_to),
    }


def _told(entry: Discrepancy) -> dict[str, Any]:
    return {
        "discrepancy_id": entry.discrepancy_id,
        "kind": entry.kind,
        "state": "open" if entry.closed_at is None else "closed",
        "facility_id": entry.facility_id,
        "item_id": entry.item_id,
        "lot": entry.lot or None,
        "line_no": entry.line_no,
        "opened_at": in_utc(entry.opened_at),
        "opened_by": entry.opened_by,
        "closed_at": entry.closed_at and in_utc(entry.closed_at),
        "closed_by": entry.closed_by or [],
        "detail": entry.sentence,
        "facts": entry.facts,
    }
