"""GET /v1/stockouts: when items were out, and for how long."""

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.etags import UNCHANGED, tag_answer
from api.known import reading_router
from api.parameters import Cursor, Limit, require_order, within_range
from api.rollup_shapes import StockOutsAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.queries.stock_outs import FIRST, PastStockOut, StockOutKey, list_stock_outs
from stream.fields import Id, Instant, Name
from stream.versioned import Level

router = reading_router("reading")

STOCK_OUT_CURSOR: Final[TypeAdapter[tuple[Instant, Id, Id]]] = TypeAdapter(tuple[Instant, Id, Id])


@router.get("/v1/stockouts", responses=read_answers(StockOutsAnswer) | UNCHANGED)
async def read_stock_outs(
    request: Request,
    *,
    facility_id: Annotated[Id | None, Query()] = None,
    item_id: Annotated[Id | None, Query()] = None,
    state: Annotated[Name | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    since: Annotated[
        Instant | None, Query(alias="from", description="still out at or after this instant")
    ] = None,
    until: Annotated[
        Instant | None, Query(alias="to", description="out at or before this instant")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Stock-outs by when they began, then by facility and item: from the instant at which nothing
    of an item was usable to the one at which something was again. One that goes on has no
    `ended_at`. `closed_seconds` are those of `seconds` in which a closure had the facility closed.
    """
    require_order(since, until)
    reading = services_of(request).reading
    found = await list_stock_outs(
        reading.model,
        facility_id=facility_id,
        item_id=item_id,
        state=state,
        district_id=district,
        level=level,
        since=within_range(since),
        until=within_range(until),
        after=StockOutKey(*decode_cursor(cursor, STOCK_OUT_CURSOR)) if cursor else FIRST,
        limit=limit + 1,
    )
    page = [_stock_out(one) for one in found.stock_outs[:limit]]
    more = len(found.stock_outs) > limit
    last = page[-1] if more else {}
    body: dict[str, Any] = {
        "stock_outs": page,
        "next_cursor": encode_cursor(last["began_at"], last["facility_id"], last["item_id"])
        if more
        else None,
    }
    return tag_answer(request, answer(request, reading, body, found.snapshot, whole_state=True))


def _stock_out(one: PastStockOut) -> dict[str, Any]:
    ended_at = one.ended_at and in_utc(one.ended_at)
    return one._asdict() | {"began_at": in_utc(one.began_at), "ended_at": ended_at}
