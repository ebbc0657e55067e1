"""GET /v1/availability/{facility_id}: whether a medicine is there, in words, for anybody."""

from datetime import datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found
from api.cursors import decode_cursor, encode_cursor
from api.freshness import POSITION
from api.parameters import Cursor, FacilityId, Limit
from api.services import services_of
from api.shapes import Page, Shape, read_answers
from api.tree_stock import sum_items
from projections.queries.tree_stock import find_tree_stock
from stream.fields import Id, Instant

router = APIRouter(tags=["reading"])

Word = Literal["available", "few_left", "not_available", "unknown"]

WORDS: Final[dict[str, Word]] = {"out": "not_available", "low": "few_left"}
"""By an item's status; whatever else it is, the medicine is there."""

AVAILABILITY_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])


class AvailableItemShape(Shape):
    item_id: str
    name: str | None
    availability: Word


class AvailabilityAnswer(Page):
    facility_id: str
    as_of: datetime
    last_heard_at: datetime | None
    """What the facility gave out since then, nobody knows yet. Of a hospital: any part of it."""
    items: list[AvailableItemShape]


@router.get("/v1/availability/{facility_id}", responses=read_answers(AvailabilityAnswer))
async def read_availability(
    request: Request,
    *,
    facility_id: FacilityId,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Whether a facility has the medicines of its level's essential list, as it last told: for
    anybody, without quantities. A hospital's are those of its store and its counters, too.

    Before its first complete count nobody knows what it lacks.
    """
    reading = services_of(request).reading
    after = decode_cursor(cursor, AVAILABILITY_CURSOR)[0] if cursor else ""
    stock = await find_tree_stock(reading.model, facility_id=facility_id)
    if stock is None:
        raise facility_not_found(facility_id)
    taken_at = stock.snapshot.taken_at
    items = [
        _tell(item, is_counted=stock.counted_at is not None)
        for item in sum_items(stock, taken_at)
        if item["essential"] and item["item_id"] > after
    ]
    more = len(items) > limit
    items = items[:limit]
    body = {
        "facility_id": facility_id,
        "as_of": taken_at,
        "last_heard_at": stock.last_heard_at,
        "items": items,
        "next_cursor": encode_cursor(items[-1]["item_id"], taken_at) if more else None,
    }
    told = answer(request, reading, body, stock.snapshot, whole_state=True)
    del told.headers[POSITION]  # it tells how many events there are
    return told


def _tell(item: dict[str, Any], *, is_counted: bool) -> dict[str, Any]:
    word = WORDS.get(item["status"], "available")
    if word == "not_available" and not is_counted:
        word = "unknown"
    return {"item_id": item["item_id"], "name": item["name"], "availability": word}
