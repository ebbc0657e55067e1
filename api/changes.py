"""GET /v1/changes: every item's stock that changed since a position, pulled."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import check_reached
from api.bodies import NDJSON
from api.freshness import POSITION, require_position
from api.live_parameters import filters
from api.live_rows import encode_row
from api.openapi import PROBLEMS
from api.services import services_of
from api.streaming import LongAnswer
from projections.queries.changes import Filters
from projections.queries.pull import Pull
from stream.tokens import PositionToken

router = APIRouter(tags=["reading"], dependencies=[Depends(require_position)])

ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One row a line, then a line with `next`.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    },
    **{status: PROBLEMS[status] for status in (400, 422, 503)},
}


@router.get("/v1/changes", response_class=Response, responses=ANSWERS)
async def read_changes(
    request: Request,
    *,
    wanted: Annotated[Filters, Depends(filters)],
    after: Annotated[
        str | None, Query(description="a position: the `next` of the answer before, or any other")
    ] = None,
) -> Response:
    """The rows, as they are now, of the items whose stock changed since `after`; else all rows. By
    events, recalls, lots that expired, and norms, items and facilities that were registered anew.

    In the last line `next` is the position to ask with the next time, or to go on from at
    `/v1/live` as Last-Event-ID. An answer without it was cut off: ask again.
    """
    since = None if after is None else PositionToken.parse(after)
    async with AsyncExitStack() as holds:
        pull = await holds.enter_async_context(
            services_of(request).reading.pulls.open(since, wanted)
        )
        check_reached(request, pull.snapshot)
        kept = holds.pop_all()
    return LongAnswer(
        _lines(pull),
        holds=kept,
        media_type=NDJSON,
        headers={POSITION: pull.snapshot.token.encode()},
    )


async def _lines(pull: Pull) -> AsyncIterator[bytes]:
    async for rows in pull.batches:
        yield b"".join(encode_row(row, pull.snapshot.taken_at) + b"\n" for row in rows)
    yield orjson.dumps({"next": pull.next_token.encode()}) + b"\n"
