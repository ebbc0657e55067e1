"""What people say of an alert: acknowledged, snoozed, noted. Facts of `alert-events`."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.types import DecoratedCallable
from pydantic import TypeAdapter, ValidationError

from api.access import find_caller
from api.alerts import find_own_alert
from api.answers import in_utc
from api.bodies import read_single
from api.freshness import require_position
from api.openapi import ACKNOWLEDGEMENT_BODY, ALERT_ANSWERS, NOTE_BODY, SNOOZE_BODY
from api.plain_route import PlainRoute
from api.recording import answer_recorded, record
from api.services import Services, services_of
from projections.queries.alerts import AlertRow, AlertStep
from stream.alerts import (
    Acknowledgement,
    AlertAcknowledged,
    AlertNoted,
    AlertSnoozed,
    DraftAlertEvent,
    Noted,
    Snooze,
    Statement,
    Subject,
    logged_alert_event,
)
from stream.codec import encode_alert_event
from stream.errors import Conflict, Fault, Rejected
from stream.fields import EventId
from stream.posting import parse_statement

router: Final = APIRouter(tags=["alerts"], route_class=PlainRoute)

ALERT_ID: Final[TypeAdapter[str]] = TypeAdapter(EventId)
LONGEST_SNOOZE: Final = timedelta(days=31)

_Statement = TypeVar("_Statement", bound=Statement)


def _post(saying: str, body: dict[str, Any]) -> Callable[[DecoratedCallable], DecoratedCallable]:
    return router.post(
        f"/v1/alerts/{{alert_id}}/{saying}",
        status_code=202,
        openapi_extra=body,
        responses=ALERT_ANSWERS,
    )


@_post("acknowledgement", ACKNOWLEDGEMENT_BODY)
async def acknowledge_alert(request: Request) -> Response:
    """Say that somebody sees to it. It stays open until the rule no longer holds."""
    return await _say(request, Acknowledgement, _acknowledged)


@_post("snooze", SNOOZE_BODY)
async def snooze_alert(request: Request) -> Response:
    """Have nobody reminded of it before `until`, at most 31 days ahead."""
    return await _say(request, Snooze, _snoozed)


@_post("note", NOTE_BODY)
async def note_alert(request: Request) -> Response:
    """Write down what was done or found out."""
    return await _say(request, Noted, _noted)


async def _say(
    request: Request,
    model: type[_Statement],
    tell: Callable[[_Statement, dict[str, Any]], DraftAlertEvent],
) -> Response:
    """`tell` makes the fact of the statement and what every fact about an alert has."""
    await require_position(request)
    services = services_of(request)
    statement = parse_statement(model, await read_single(request))
    alert, history = await _find(request, services)
    fact = tell(
        statement,
        {
            "event_id": statement.event_id or str(uuid4()),
            "alert_id": alert.alert_id,
            "rule": alert.rule,
            "subject": _subject(alert),
        },
    )
    _refuse_another(fact, history)
    caller = find_caller(request)
    draft = encode_alert_event(
        fact,
        recorded_by=caller.recorded_by,
        source=caller.source,
        partitions=services.log.partitions,
    )
    appended = await record(services.log, draft)
    name = {"alert_id": fact.alert_id, "event_id": fact.event_id}
    return answer_recorded(services.log, name, appended)


def _refuse_another(fact: DraftAlertEvent, history: Iterable[AlertStep]) -> None:
    """Raises Conflict where the same id already says something else. The same again is welcome."""
    content = fact.model_dump()
    told = set(content)
    for step in history:
        if step.event_id == fact.event_id:
            known = logged_alert_event.validate_python(step.body).model_dump(include=told)
            if known != content:
                raise Conflict(
                    f"Something else was recorded with the event_id {fact.event_id} at "
                    f"{in_utc(step.recorded_at)}: send this with an event_id of its own."
                )


async def _find(request: Request, services: Services) -> tuple[AlertRow, list[AlertStep]]:
    try:
        alert_id = ALERT_ID.validate_python(request.path_params["alert_id"])
    except ValidationError:
        raise Rejected("not-found", "No alert has such an id.") from None
    _, alert, history = await find_own_alert(request, services, alert_id)
    return alert, history


def _subject(alert: AlertRow) -> Subject:
    return Subject(
        facility_id=alert.facility_id,
        district_id=None if alert.facility_id else alert.district_id,
        item_id=alert.item_id,
        lot=alert.lot,
        item_class=alert.item_class,
    )


def _acknowledged(said: Acknowledgement, told: dict[str, Any]) -> AlertAcknowledged:
    return AlertAcknowledged(type="alert_acknowledged", note=said.note, **told)


def _snoozed(said: Snooze, told: dict[str, Any]) -> AlertSnoozed:
    now = datetime.now(UTC)
    if not now < said.until <= now + LONGEST_SNOOZE:
        fault = Fault("/until", f"must be ahead, by at most {LONGEST_SNOOZE.days} days")
        raise Rejected("invalid-event", "An alert cannot be snoozed until then.", [fault])
    return AlertSnoozed(type="alert_snoozed", until=said.until, reason=said.reason, **told)


def _noted(said: Noted, told: dict[str, Any]) -> AlertNoted:
    return AlertNoted(type="alert_noted", note=said.note, **told)
