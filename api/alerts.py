"""GET /v1/alerts: what is wrong where, since when, and what to do; with what was said of it."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request, Response
from pydantic import TypeAdapter

from alerts.rules import RULES, WHO_ACTS
from api.access import find_caller
from api.alert_parameters import RuleName
from api.alert_telling import tell_instants, tell_rule
from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import LATEST, Cursor, KnownAt, Limit, within_range
from api.services import Services, services_of
from api.shapes import Page, Shape, read_answers
from projections.queries.alerts import AlertKey, AlertRow, AlertStep, find_alert, list_alerts
from projections.reading import Snapshot
from stream.alerts import Severity
from stream.chains import Officer
from stream.errors import Rejected
from stream.fields import EventId, Id, Instant

router: Final = reading_router("alerts")

State = Literal["open", "acknowledged", "closed"]

CURSOR: Final[TypeAdapter[tuple[Instant, EventId, Instant | None]]] = TypeAdapter(
    tuple[Instant, EventId, Instant | None]
)
NEWEST: Final = AlertKey(LATEST, "ffffffff-ffff-ffff-ffff-ffffffffffff")


class AlertShape(Shape):
    alert_id: str
    """The same however often it is found: of the rule, what it is about, and `ordinal`."""
    rule: str
    title: str
    severity: Severity
    state: State
    facility_id: str | None
    facility_name: str | None
    district_id: str | None
    item_id: str | None
    item_name: str | None
    lot: str | None
    item_class: str | None
    """Of items, where it is about one: the first signs of their ATC code, or their programme."""
    ordinal: int
    """Which time it is, for this rule and subject."""
    began_at: datetime
    """Since when it is so, by what is known; a late fact may move it."""
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    evidence: dict[str, Any]
    officer: Officer
    """Whose turn it is, by the chain of command; of a closed one, was."""
    officer_title: str | None
    """What the chain calls that officer."""
    step: int
    """Of the chain, from 1."""
    passes_on_at: datetime | None
    """When it is the next officer's turn; null: there is none."""
    overdue: bool
    """An officer let their time go by."""
    who_acts: str | None
    """With whom it begins."""
    what_to_do: str | None
    ends: str | None
    runbook: str | None


class AlertStepShape(Shape):
    """What was found or said, and when that was recorded."""

    type: str
    event_id: str
    recorded_at: datetime
    recorded_by: str
    severity: Severity | None = None
    began_at: datetime | None = None
    evaluated_at: datetime | None = None
    evidence: dict[str, Any] | None = None
    until: datetime | None = None
    note: str | None = None
    reason: str | None = None


class AlertsAnswer(Page):
    alerts: list[AlertShape]


class AlertAnswer(AlertShape):
    history: list[AlertStepShape]


@router.get("/v1/alerts", responses=read_answers(AlertsAnswer))
async def read_alerts(
    request: Request,
    *,
    rule: Annotated[RuleName | None, Query()] = None,
    severity: Annotated[Severity | None, Query()] = None,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    facility_id: Annotated[Id | None, Query()] = None,
    item_id: Annotated[Id | None, Query()] = None,
    state: Annotated[list[State] | None, Query(description="may be given more than once")] = None,
    since: Annotated[Instant | None, Query(description="opened at or after this instant")] = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Alerts of a facility, of a district and its facilities, or of the state, newest first.

    `state`: an open alert that somebody acknowledged is `acknowledged`. With `known_at` each is
    as it was known then.
    """
    before, known_at = NEWEST, within_range(known_at)
    if cursor:
        opened_at, last_id, known_at = decode_cursor(cursor, CURSOR)
        before = AlertKey(opened_at, last_id)
    reading = services_of(request).reading
    found = await list_alerts(
        reading.model,
        who_acts=WHO_ACTS,
        rule=rule,
        severity=severity,
        district_id=district,
        facility_id=facility_id,
        item_id=item_id,
        states=state,
        since=within_range(since),
        before=before,
        known_at=known_at,
        limit=limit + 1,
    )
    page = [_told(alert) for alert in found.alerts[:limit]]
    more = len(found.alerts) > limit
    last = page[-1] if more else {}
    body = {
        "alerts": page,
        "next_cursor": encode_cursor(last["opened_at"], last["alert_id"], known_at)
        if more
        else None,
    }
    return answer(request, reading, body, found.snapshot, whole_state=True)


@router.get("/v1/alerts/{alert_id}", responses=read_answers(AlertAnswer))
async def read_alert(request: Request, *, alert_id: Annotated[EventId, Path()]) -> Response:
    """An alert, with all that was found and said of it, in the order in which it was recorded."""
    services = services_of(request)
    snapshot, alert, history = await find_own_alert(request, services, alert_id)
    body = _told(alert) | {"history": [_step(step) for step in history]}
    return answer(request, services.reading, body, snapshot, whole_state=True)


async def find_own_alert(
    request: Request, services: Services, alert_id: str
) -> tuple[Snapshot, AlertRow, list[AlertStep]]:
    """Raises Rejected where there is none that the caller may see."""
    found = await find_alert(services.reading.model, alert_id, who_acts=WHO_ACTS)
    caller = find_caller(request)
    if found is not None:
        snapshot, alert, history = found
        if services.gate.reads(caller, alert.facility_id, alert.district_id):
            return snapshot, alert, list(history)
    raise Rejected("not-found", f"There is no alert {alert_id} that you may see.")


def _told(alert: AlertRow) -> dict[str, Any]:
    rule = RULES.get(alert.rule)
    told = alert._asdict()
    turn, is_overdue = told.pop("turn"), told.pop("is_overdue")
    return (
        told
        | tell_instants(told)
        | tell_rule(alert.rule)
        | {"step": turn, "overdue": is_overdue, "who_acts": rule and rule.who_acts}
    )


def _step(step: AlertStep) -> dict[str, Any]:
    own = AlertStepShape.model_fields.keys() & step.body.keys()
    return {name: step.body[name] for name in own} | {
        "type": step.type,
        "event_id": step.event_id,
        "recorded_at": in_utc(step.recorded_at),
    }
