"""GET /v1/recalls/{recall_id}: where a recalled lot is now, and who got it."""

from typing import Annotated, Any, Final

from fastapi import Path, Query, Request, Response
from pydantic import TypeAdapter

from api.access import find_caller
from api.answers import answer, in_utc
from api.catalogue import shown
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import EARLIEST, Cursor, Limit, LotOrEmpty
from api.recall_shapes import TraceAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.queries.recalls import Dispense, Holding, Moving, Trace, TraceKey, trace_recall
from projections.reading import parse_instant
from stream.errors import Rejected
from stream.fields import EventId, Id, Instant

router = reading_router("reading")

HOLDINGS: Final = 0
DISPENSES: Final = 1
NO_EVENT: Final = "00000000-0000-0000-0000-000000000000"
FIRST: Final = TraceKey(HOLDINGS, "", "", EARLIEST, NO_EVENT, 0)

Section = Annotated[int, Query(ge=HOLDINGS, le=DISPENSES)]
LineNo = Annotated[int, Query(ge=0, le=32767)]
OrEmpty = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9._:-]{0,64}$")]
TRACE_CURSOR: Final[
    TypeAdapter[tuple[Section, OrEmpty, LotOrEmpty, Instant, EventId, LineNo, Instant]]
] = TypeAdapter(tuple[Section, OrEmpty, LotOrEmpty, Instant, EventId, LineNo, Instant])


@router.get("/v1/recalls/{recall_id}", responses=read_answers(TraceAnswer))
async def read_recall(
    request: Request,
    *,
    recall_id: Annotated[Id, Path()],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """A recall, where its lot is now, on shelves and on the way, and the dispenses that gave it.

    Patients are pseudonyms, prescriptions keyed hashes. Lots are compared by letters and digits
    alone, in any case. `possible` are lots that are nearly written so, lots that receipts say
    another manufacturer made, and what was given without a lot where and since the lot has been.
    A page holds `limit` holdings and dispenses together; the holdings come first. Of other
    facilities than the token's nothing is told, nor counted in `on_hand`.
    """
    services = services_of(request)
    reading = services.reading
    after, known_at = FIRST, None
    if cursor:
        *_, known_at = place = decode_cursor(cursor, TRACE_CURSOR)
        after = TraceKey(*place[:6])
    trace = await trace_recall(
        reading.model,
        recall_id=recall_id,
        after=after,
        known_at=known_at,
        limit=limit + 1,
        facility_ids=await services.gate.own_facilities(find_caller(request)),
    )
    if trace is None:
        raise Rejected("not-found", f"No recall with the id {recall_id} is in force.")
    holdings, dispenses, last = _page(trace, limit)
    body = {
        **shown(trace.body | {"valid_from": trace.valid_from}),
        "recorded_at": in_utc(trace.recorded_at),
        "on_hand": trace.on_hand,
        "holdings": [_holding(one) for one in holdings],
        "in_transit": [_moving(one) for one in trace.in_transit],
        "dispenses": [_dispense(one) for one in dispenses],
        "next_cursor": last and encode_cursor(*last, known_at or trace.snapshot.known_at),
    }
    return answer(request, reading, body, trace.snapshot, whole_state=True)


def _page(trace: Trace, limit: int) -> tuple[list[Holding], list[Dispense], TraceKey | None]:
    """The page, and what the next one comes after, if there is one."""
    holdings = trace.holdings[:limit]
    dispenses = trace.dispenses[: limit - len(holdings)]
    if len(trace.holdings) + len(trace.dispenses) <= limit:
        return holdings, dispenses, None
    if dispenses:
        last = dispenses[-1]
        at = parse_instant(last.occurred_at)
        key = TraceKey(DISPENSES, last.facility_id, last.lot, at, last.event_id, last.line_no)
    elif len(trace.holdings) > limit:
        key = FIRST._replace(facility_id=holdings[-1].facility_id, lot=holdings[-1].lot)
    else:
        key = FIRST._replace(section=DISPENSES)
    return holdings, dispenses, key


def _certainty(why: str) -> dict[str, str]:
    return {"match": "certain" if why == "lot" else "possible", "why": why}


def _holding(holding: Holding) -> dict[str, Any]:
    return holding._asdict() | {"lot": holding.lot or None} | _certainty(holding.why)


def _moving(moving: Moving) -> dict[str, Any]:
    at = {"dispatched_at": in_utc(moving.dispatched_at)}
    return moving._asdict() | at | _certainty(moving.why)


def _dispense(dispense: Dispense) -> dict[str, Any]:
    told = {"lot": dispense.lot or None, "occurred_at": in_utc(dispense.occurred_at)}
    return dispense._asdict() | told | _certainty(dispense.why)
