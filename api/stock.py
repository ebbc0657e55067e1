"""GET /v1/facilities/{facility_id}/stock: what is or was there, by item and lot."""

from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple

import orjson
from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found
from api.cursors import decode_cursor, encode_cursor
from api.items import describe_item, zone
from api.known import reading_router
from api.parameters import (
    LATEST,
    AsOf,
    Cursor,
    FacilityId,
    KnownAt,
    Limit,
    within_range,
)
from api.services import services_of
from api.shapes import read_answers
from api.stock_shapes import StockAnswer
from api.tree_stock import read_tree_stock
from projections.queries.moments import PRESENT, Moment
from projections.queries.stock import FacilityStock, find_stock, read_item
from projections.reporting import Reporting
from projections.stock_norm import FORMULAS, Status
from stream.errors import Fault, Rejected
from stream.fields import Id, Instant

KEPT_ITEMS: Final = 30_000
"""Of so many the answer is remembered, about 1 kB each: of a facility that is read again most items
are as they were, and telling all of them anew is a third of what a read computes."""

router = reading_router("reading")


class Place(NamedTuple):
    """Where a page begins, and of which moment it is; `evaluated_at` says what day it is then."""

    after_item_id: str
    as_of: datetime | None
    known_at: datetime | None
    evaluated_at: datetime | None


STOCK_CURSOR: Final[TypeAdapter[tuple[Id, Instant | None, Instant, Instant]]] = TypeAdapter(
    tuple[Id, Instant | None, Instant, Instant]
)


@router.get("/v1/facilities/{facility_id}/stock", responses=read_answers(StockAnswer))
async def read_stock(
    request: Request,
    *,
    facility_id: FacilityId,
    item_id: Annotated[Id | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    include: Annotated[
        Literal["children"] | None,
        Query(description="children: with all facilities that are part of it, summed; now alone"),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """A facility's stock: every item that ever had a card, and its level's essential list.

    Now, or at the past moment `as_of`; with `known_at`, by what was known then: late posts, later
    reversals and later changes of the catalogue are left out. Further pages are of the first
    page's moment. Lots are in the order in which they should be given: first expiry first.

    `status` is by the item's norm, `norm` what it was told from, `formulas` how; at a past moment
    an item is out or unrated, and has no norm.

    With `include=children` items are summed over the facility and all that are part of it, at any
    depth, and `facilities` says which they are; minimum and maximum are those of the ones that
    dispense. `last_heard_at` is then of the one that wasn't heard of for longest.

    `open_discrepancies` counts those of kinds negative_stock, unrecorded_lot and unknown_item.
    `reporting` is null at a past moment and on further pages. Delays, gaps and closures may come
    into it a minute late, but not with Dawalog-Min-Position.
    """
    if include is not None:
        if as_of is not None or known_at is not None:
            raise Rejected(
                "bad-parameter",
                "The stock of a facility with its parts is told of now alone.",
                [Fault("/include", "can't be asked for with as_of or known_at")],
            )
        return await read_tree_stock(
            request, facility_id, item_id=item_id, status=status, limit=limit, cursor=cursor
        )
    reading = services_of(request).reading
    as_of = within_range(as_of)
    place = Place("", as_of, within_range(known_at), as_of)
    if cursor:
        place = Place(*decode_cursor(cursor, STOCK_CURSOR))
    moment = Moment(place.as_of, place.known_at)
    stock = await find_stock(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        moment=moment,
        item_id=item_id,
        after_item_id=place.after_item_id,
        # the status is only known once usable is
        limit=limit + 1 if status is None else None,
    )
    if stock is None:
        raise facility_not_found(facility_id)
    body = _body(facility_id, stock, status, limit, place)
    body["reporting"] = await _reporting(request, facility_id, stock) if moment == PRESENT else None
    return answer(request, reading, body, stock.snapshot, facility_id=facility_id)


async def _reporting(request: Request, facility_id: str, stock: FacilityStock) -> Reporting | None:
    reading = services_of(request).reading
    here, heard_at = zone(stock.time_zone), stock.last_heard_at
    return await reading.reporting.tell(
        facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        today=stock.snapshot.taken_at.astimezone(here).date(),
        heard_on=heard_at and heard_at.astimezone(here).date(),
        anew=getattr(request.state, "min_position", None) is not None,
    )


def _body(
    facility_id: str,
    stock: FacilityStock,
    status: str | None,
    limit: int,
    place: Place,
) -> dict[str, Any]:
    evaluated_at = place.evaluated_at or stock.snapshot.taken_at
    known_at = min(place.known_at or LATEST, stock.snapshot.known_at)
    today = evaluated_at.astimezone(zone(stock.time_zone)).date()
    items = [_tell(row, today) for row in stock.rows]
    if status is not None:
        items = [item for item in items if item.status == status]
    more = len(items) > limit
    items = items[:limit]
    return {
        "facility_id": facility_id,
        "as_of": evaluated_at,
        "known_at": known_at,
        "position": stock.snapshot.token.encode(),
        "last_heard_at": stock.last_heard_at,
        "suspect": stock.suspect,
        "open_discrepancies": stock.open_discrepancies,
        "formulas": FORMULAS,
        "items": [item.told for item in items],
        "next_cursor": encode_cursor(items[-1].item_id, place.as_of, known_at, evaluated_at)
        if more
        else None,
    }


class _Told(NamedTuple):
    item_id: str
    status: Status
    told: orjson.Fragment


@lru_cache(maxsize=KEPT_ITEMS)
def _tell(row: str, today: date) -> _Told:
    item = describe_item(read_item(row), today)
    told = orjson.Fragment(orjson.dumps(item, option=orjson.OPT_UTC_Z))
    return _Told(item["item_id"], item["status"], told)
