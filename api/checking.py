"""POST /v1/events/check: what would be wrong with an event, before it is posted."""

from typing import Final

from fastapi import APIRouter, Depends, Request, Response

from api.access import find_caller
from api.answers import answer
from api.bodies import read_single
from api.commands import check_event
from api.freshness import require_position
from api.openapi import EVENT_BODY, PROBLEMS
from api.services import services_of
from api.shapes import Shape, read_answers
from projections.discrepancies import checking
from projections.discrepancies.warnings import WarningType
from stream.codec import decode_event, encode_event

router: Final = APIRouter(tags=["posting"], dependencies=[Depends(require_position)])


class WarningShape(Shape):
    line_no: int | None
    """None: the event has no lines, or it is about the event as a whole."""
    type: WarningType
    detail: str


class CheckAnswer(Shape):
    warnings: list[WarningShape]


@router.post(
    "/v1/events/check",
    openapi_extra={"requestBody": EVENT_BODY["requestBody"]},  # the headers are a dependency's
    responses=read_answers(CheckAnswer) | PROBLEMS,
)
async def check_before_posting(request: Request) -> Response:
    """What a pharmacist may want to know before posting an event. Nothing is recorded.

    Never required, and nothing in it keeps the event from being posted. Faults that do are
    answered as `POST /v1/events` answers them.
    """
    services = services_of(request)
    event = check_event(await read_single(request), services=services)
    refusals = await services.directory.find_refusals((event.facility_id,))
    if refusals:
        raise refusals[event.facility_id]
    caller = find_caller(request)
    services.gate.require_posting(caller, event.facility_id)
    await services.new_keys.require(event)
    # as the log would hold it; that the partition is not the right one makes no difference
    draft = encode_event(
        event,
        recorded_by=caller.recorded_by,
        source=caller.source,
        partitions=1,
        keys=services.keys,
    )
    reading = services.reading
    check = await checking.check_event(
        reading.model,
        decode_event(draft.key, draft.value, draft.headers),
        draft=draft,
        partition=reading.log_ends.partition_of(event.facility_id),
    )
    warnings = [
        {"line_no": warned.line_no, "type": warned.type, "detail": warned.sentence}
        for warned in check.warnings
    ]
    return answer(
        request, reading, {"warnings": warnings}, check.snapshot, facility_id=event.facility_id
    )
