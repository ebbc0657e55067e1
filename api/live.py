"""GET /v1/live: each item's stock as it changes, pushed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from api.freshness import require_position
from api.live_hub import LiveHub
from api.live_parameters import filters
from api.live_readers import Reader
from api.openapi import PROBLEMS
from api.services import services_of
from api.streaming import LongAnswer
from projections.queries.changes import Filters

router = APIRouter(tags=["reading"], dependencies=[Depends(require_position)])

HEARTBEAT_SECONDS: Final = 15.0

ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events `stock` and `reset`, without end.",
        "content": {EventSourceResponse.media_type: {"schema": {"type": "string"}}},
    },
    **{status: PROBLEMS[status] for status in (400, 422, 503)},
}


@router.get("/v1/live", response_class=Response, responses=ANSWERS)
async def read_live(
    request: Request,
    *,
    wanted: Annotated[Filters, Depends(filters)],
    last_event_id: Annotated[
        str | None, Header(description="go on behind this event; any position will do")
    ] = None,
) -> Response:
    """Each change of an item's stock, as soon as it is projected.

    `stock`: the item's row as it is now, as in the facility's stock, with `facility_id`. After
    several changes in a short time it comes once. `reset`: some changes can't be told any more;
    read what you show anew. A connection without Last-Event-ID begins with what comes next.
    """
    hub = services_of(request).reading.live
    reader = await hub.join(wanted, last_event_id)
    holds = AsyncExitStack()
    holds.callback(hub.leave, reader)
    return LongAnswer(_read(hub, reader), holds=holds, media_type=EventSourceResponse.media_type)


async def _read(hub: LiveHub, reader: Reader) -> AsyncIterator[bytes]:
    """FastAPI's own generator routes don't tell positions in heartbeats; a reader with nothing to
    read would resume from long ago.
    """
    while not reader.is_closed:
        if blocks := await reader.take(seconds=HEARTBEAT_SECONDS):
            yield blocks
        elif not reader.is_closed:
            yield format_sse_event(comment="heartbeat", id=hub.position)
