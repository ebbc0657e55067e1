"""Posting events: checked, appended to the log, and answered once Kafka has them."""

import re
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api.access import Caller, find_caller
from api.bodies import read_batch, read_single
from api.clock import check_clock
from api.freshness import require_position
from api.openapi import BATCH_ANSWERS, EVENT_BATCH_BODY, EVENT_BODY, SINGLE_ANSWERS
from api.plain_route import PlainRoute
from api.recording import (
    Name,
    answer_batch,
    answer_recorded,
    attempt_each,
    record,
    record_each,
    require_batch,
)
from api.services import Services, services_of
from stream.codec import OutgoingRecord, encode_event, has_private
from stream.errors import DawalogError
from stream.events import PostedEvent
from stream.key_file import ist_year
from stream.posting import parse_event

router: Final = APIRouter(tags=["posting"], route_class=PlainRoute)

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@router.post("/v1/events", status_code=202, openapi_extra=EVENT_BODY, responses=SINGLE_ANSWERS)
async def post_event(request: Request) -> Response:
    """Record one event. Posting the same event again is always safe and changes nothing.

    Answered once Kafka holds it. `Dawalog-Position` is what a read waits for with
    `Dawalog-Min-Position`.
    """
    await require_position(request)
    services = services_of(request)
    event = check_event(await read_single(request), services=services)
    refusals = await services.directory.find_refusals((event.facility_id,))
    if refusals:
        raise refusals[event.facility_id]
    caller = find_caller(request)
    services.gate.require_posting(caller, event.facility_id)
    await services.new_keys.require(event)
    draft = draft_event(event, services=services, caller=caller)
    appended = await record(services.log, draft)
    return answer_recorded(services.log, {"event_id": event.event_id}, appended)


@router.post(
    "/v1/events/batch", status_code=200, openapi_extra=EVENT_BATCH_BODY, responses=BATCH_ANSWERS
)
async def post_events(request: Request) -> Response:
    """Record up to 1,000 events. Good ones go in though others are bad, or of facilities that the
    token doesn't reach.

    Events of one facility are recorded in the order of the batch.
    """
    await require_position(request)
    services = services_of(request)
    elements = require_batch(await read_batch(request))
    events: list[PostedEvent | DawalogError] = await attempt_each(
        partial(check_event, services=services), elements
    )
    refusals = await services.directory.find_refusals(
        {event.facility_id for event in events if not isinstance(event, DawalogError)}
    )
    caller = find_caller(request)
    keyless = await services.new_keys.find_refusals(
        event
        for event in events
        if not isinstance(event, DawalogError) and event.facility_id not in refusals
    )

    def draft(event: PostedEvent) -> OutgoingRecord:
        if refusal := refusals.get(event.facility_id):
            raise refusal
        services.gate.require_posting(caller, event.facility_id)
        if has_private(event) and (refusal := keyless.get(ist_year(event.occurred_at))):
            raise refusal
        return draft_event(event, services=services, caller=caller)

    drafts = await attempt_each(draft, events)
    outcomes = await record_each(services.log, drafts)
    return answer_batch(services.log, [_name(element) for element in elements], outcomes)


def check_event(body: Any, *, services: Services) -> PostedEvent:
    """Everything that can be said of an event by itself. Raises Rejected."""
    event = parse_event(body)
    check_clock(event.occurred_at, earliest=services.settings.earliest_occurred_at)
    return event


def draft_event(event: PostedEvent, *, services: Services, caller: Caller) -> OutgoingRecord:
    return encode_event(
        event,
        recorded_by=caller.recorded_by,
        source=caller.source,
        partitions=services.log.partitions,
        keys=services.keys,
    )


def _name(element: Any) -> Name:
    """The element's event_id, if it has one."""
    event_id = element.get("event_id") if isinstance(element, dict) else None
    if not isinstance(event_id, str) or not _UUID.fullmatch(event_id.lower()):
        event_id = None
    return {"event_id": event_id and event_id.lower()}
