"""GET /v1/items/{item_id}/stock: one item at all facilities."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.etags import UNCHANGED, tag_answer
from api.known import reading_router
from api.parameters import Cursor, ItemId, Limit
from api.rollup_shapes import ItemStockAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.consumption_rates import (
    AMC_FORMULA,
    MONTHS_FORMULA,
    monthly_consumption,
    months_of_stock,
)
from projections.queries.item_stock import PlaceStock, list_item_stock
from projections.stock_norm import FORMULAS
from stream.errors import Rejected
from stream.fields import Id, Name
from stream.versioned import Level

router = reading_router("reading")

Status = Literal["out", "low", "ok", "over", "unrated", "unknown"]

FORMULA: Final = (
    f"amc: {AMC_FORMULA}, in amc_window_days; months_of_stock: {MONTHS_FORMULA}; "
    f"unmet: {FORMULAS['unmet']}"
)

ITEM_STOCK_CURSOR: Final[TypeAdapter[tuple[Id]]] = TypeAdapter(tuple[Id])


@router.get("/v1/items/{item_id}/stock", responses=read_answers(ItemStockAnswer) | UNCHANGED)
async def read_item_stock(
    request: Request,
    item_id: ItemId,
    *,
    state: Annotated[Name | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    facility_id: Annotated[Id | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Facilities by id, each that ever had the item or has to have it.

    The status of a silent facility's item is `unknown`; beside it is what it was when the
    facility was last heard of.
    """
    reading = services_of(request).reading
    found = await list_item_stock(
        reading.model,
        item_id=item_id,
        after=decode_cursor(cursor, ITEM_STOCK_CURSOR)[0] if cursor else "",
        district_id=district,
        level=level,
        facility_id=facility_id,
        status=status,
        state=state,
        limit=limit + 1,
    )
    if found is None:
        raise Rejected("not-found", f"No item with the id {item_id} is registered.")
    page = found.places[:limit]
    body: dict[str, Any] = {
        "item_id": item_id,
        "formula": FORMULA,
        "facilities": [_facility(place) for place in page],
        "next_cursor": encode_cursor(page[-1].facility_id) if len(found.places) > limit else None,
    }
    told = answer(request, reading, body, found.snapshot, whole_state=True)
    return tag_answer(request, told)


def _facility(place: PlaceStock) -> dict[str, Any]:
    return {
        "facility_id": place.facility_id,
        "name": place.name,
        "level": place.level,
        "district_id": place.district_id,
        "on_hand": place.on_hand,
        "usable": place.usable,
        "status": place.status,
        "last_status": place.last_status,
        "reporting_silent": place.silent,
        "essential": place.essential,
        "out_since": place.out_since and in_utc(place.out_since),
        "min_quantity": place.min_quantity,
        "max_quantity": place.max_quantity,
        "amc": monthly_consumption(place.per_day),
        "amc_window_days": place.window_days,
        "unmet": place.unmet,
        "months_of_stock": months_of_stock(place.usable, place.per_day),
        "evaluated_on": place.evaluated_on,
        "last_heard_at": place.last_heard_at and in_utc(place.last_heard_at),
    }
