"""GET /v1/facilities/{facility_id}/stock: what is there now, by item and lot."""

from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found
from api.cursors import decode_cursor, encode_cursor
from api.freshness import require_position
from api.parameters import Cursor, FacilityId, Limit, refuse
from api.services import services_of
from api.shapes import StockAnswer, read_answers
from projections.queries.stock import FacilityStock, ItemStock, find_stock
from projections.usable import LotStock, lot_state, usable_quantity
from stream.fields import Id, Instant

router = APIRouter(tags=["reading"], dependencies=[Depends(require_position)])

Status = Literal["out", "low", "ok", "over", "unrated"]

INDIA: Final = "Asia/Kolkata"
STOCK_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])


@router.get("/v1/facilities/{facility_id}/stock", responses=read_answers(StockAnswer))
async def read_stock(
    request: Request,
    *,
    facility_id: FacilityId,
    item_id: Annotated[Id | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """A facility's present stock: every item that ever had a card, and its level's essential list.

    `open_discrepancies` counts cards with negative book stock and items not in the catalogue.
    """
    refuse(request, "as_of", "known_at", "include")
    reading = services_of(request).reading
    after, known_at = decode_cursor(cursor, STOCK_CURSOR) if cursor else ("", None)
    stock = await find_stock(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        item_id=item_id,
        after_item_id=after,
        # the status is only known once usable is
        limit=limit + 1 if status is None else None,
    )
    if stock is None:
        raise facility_not_found(facility_id)
    body = _body(facility_id, stock, status, limit, known_at)
    return answer(request, reading, body, stock.snapshot, facility_id=facility_id)


def _body(
    facility_id: str,
    stock: FacilityStock,
    status: str | None,
    limit: int,
    known_at: datetime | None,
) -> dict[str, Any]:
    taken_at = stock.snapshot.taken_at
    today = taken_at.astimezone(zone(stock.time_zone)).date()
    items = [_item(item, today) for item in stock.items]
    if status is not None:
        items = [item for item in items if item["status"] == status]
    more = len(items) > limit
    items = items[:limit]
    return {
        "facility_id": facility_id,
        "as_of": taken_at,
        "known_at": taken_at,
        "position": stock.snapshot.token.encode(),
        "last_heard_at": stock.last_heard_at,
        "suspect": stock.suspect,
        "open_discrepancies": stock.open_discrepancies,
        "items": items,
        "next_cursor": encode_cursor(items[-1]["item_id"], known_at or taken_at) if more else None,
    }


def _item(item: ItemStock, today: date) -> dict[str, Any]:
    usable = usable_quantity(item.lots, today)
    return {
        "item_id": item.item_id,
        "name": item.name,
        "on_hand": item.on_hand,
        "usable": usable,
        # norms, and with them low, ok and over, are not known yet
        "status": "out" if usable <= 0 else "unrated",
        "essential": item.essential,
        "lots": [_lot(lot, today) for lot in item.lots],
    }


def _lot(lot: LotStock, today: date) -> dict[str, Any]:
    return {
        "lot": lot.lot or None,
        "expiry": lot.expiry,
        "on_hand": lot.on_hand,
        "state": lot_state(lot, today),
    }


@lru_cache(maxsize=1000)
def zone(name: str | None) -> ZoneInfo:
    """India's where the facility has none, or one that this machine doesn't know."""
    try:
        return ZoneInfo(name or INDIA)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(INDIA)
