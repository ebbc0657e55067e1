"""GET /v1/shortages: what is out where, since when, and who nearby has too much of it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.etags import UNCHANGED, tag_answer
from api.known import reading_router
from api.parameters import Cursor, Limit
from api.rollup_shapes import ShortagesAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.queries.shortages import (
    FIRST,
    Shortage,
    ShortageKey,
    list_shortages,
)
from projections.queries.surplus import Surplus
from projections.reading import parse_instant
from stream.fields import Id, Instant, Name
from stream.versioned import Level

router = reading_router("reading")

SHORTAGE_CURSOR: Final[TypeAdapter[tuple[Instant, Id, Id]]] = TypeAdapter(tuple[Instant, Id, Id])


@router.get("/v1/shortages", responses=read_answers(ShortagesAnswer) | UNCHANGED)
async def read_shortages(
    request: Request,
    *,
    state: Annotated[Name | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    facility_id: Annotated[Id | None, Query()] = None,
    item_id: Annotated[Id | None, Query()] = None,
    programme: Annotated[Name | None, Query()] = None,
    ved: Annotated[
        Literal["V", "E", "D"] | None, Query(description="vital, essential or desirable")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Items of the essential list that are out at facilities with a complete count, longest first.

    `nearest_surplus` is the nearest facility, of the same district if any there has it, with more
    than its own maximum: `can_give` is what it has above that. Silent facilities are no givers.
    """
    reading = services_of(request).reading
    found = await list_shortages(
        reading.model,
        state=state,
        district_id=district,
        level=level,
        facility_id=facility_id,
        programme=programme,
        ved=ved,
        item_id=item_id,
        after=ShortageKey(*decode_cursor(cursor, SHORTAGE_CURSOR)) if cursor else FIRST,
        limit=limit + 1,
    )
    taken_at = found.snapshot.taken_at
    page = [_shortage(one, near, taken_at) for one, near in found.shortages[:limit]]
    more = len(found.shortages) > limit
    last = page[-1] if more else {}
    body: dict[str, Any] = {
        "shortages": page,
        "next_cursor": encode_cursor(last["out_since"], last["facility_id"], last["item_id"])
        if more
        else None,
    }
    return tag_answer(request, answer(request, reading, body, found.snapshot, whole_state=True))


def _shortage(one: Shortage, near: Surplus | None, now: datetime) -> dict[str, Any]:
    lasted = now - parse_instant(one.out_since)
    return one._asdict() | {
        "out_since": in_utc(one.out_since),
        "days_out": max(0, lasted // timedelta(days=1)),
        "nearest_surplus": near
        and near._asdict()
        | {"distance_km": None if near.distance_km is None else round(near.distance_km, 1)},
    }
