"""GET /v1/districts/{district_id}/actions: what an officer is to do, and whose turn it is."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request, Response
from pydantic import Field, TypeAdapter

from alerts.rules import LOCAL, RULES, WHO_ACTS
from api.alert_telling import tell_instants, tell_rule, title_of
from api.answers import answer
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import Cursor, Limit, within_range
from api.rollup_shapes import SurplusShape
from api.services import services_of
from api.shapes import Page, Shape, read_answers
from projections.queries.actions import ActionKey, ActionRow, ActionState, list_actions
from stream.alerts import Severity
from stream.chains import Officer
from stream.errors import Rejected
from stream.fields import EventId, Id, Instant

router: Final = reading_router("alerts")

Urgency = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Placed = Annotated[int, Field(ge=-(2**63), lt=2**63)]

CURSOR: Final[TypeAdapter[tuple[Instant, Urgency, Placed, EventId]]] = TypeAdapter(
    tuple[Instant, Urgency, Placed, EventId]
)


class ActionShape(Shape):
    alert_id: str
    rule: str
    title: str
    severity: Severity
    state: Literal["open", "put_off", "done"]
    """Put off is what is snoozed, until `snoozed_until`."""
    facility_id: str | None
    facility_name: str | None
    item_id: str | None
    item_name: str | None
    lot: str | None
    item_class: str | None
    began_at: datetime
    """Since when it is so, by what is known."""
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    officer: Officer
    """Whose turn it is; of what is done, was."""
    officer_title: str | None
    """What the chain of command calls that officer."""
    step: int
    """Of the chain, from 1."""
    passes_on_at: datetime | None
    """When it is the next officer's turn; null: there is none."""
    overdue: bool
    """An officer let their time go by."""
    what_to_do: str | None
    rescue: str | None
    """Where to read who could send some."""
    nearest_surplus: SurplusShape | None
    """Of the district: with more than its own maximum. Null where nobody has, and where no transfer
    helps."""
    ends: str | None
    runbook: str | None
    evidence: dict[str, Any]


class OfficerCountShape(Shape):
    officer: Officer
    title: str | None
    open: int
    overdue: int


class RuleCountShape(Shape):
    rule: str
    title: str
    open: int
    """Put off ones, too."""
    overdue: int
    put_off: int
    done: int


class ActionsAnswer(Page):
    district_id: str
    at: datetime
    """All turns are of this instant, on all pages."""
    by_officer: list[OfficerCountShape]
    by_rule: list[RuleCountShape]
    actions: list[ActionShape]


@router.get("/v1/districts/{district_id}/actions", responses=read_answers(ActionsAnswer))
async def read_actions(
    request: Request,
    *,
    district_id: Annotated[Id, Path()],
    officer: Annotated[Officer | None, Query(description="whose turn it is")] = None,
    state: Annotated[
        ActionState, Query(description="done: closed in the last 7 days, the newest first")
    ] = "open",
    overdue: Annotated[bool | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What is wrong in a district, since when, whose turn it is, and what to do next.

    The worst first: by severity, then by how far up the chain of command it has come, then by
    how long it is so; what is put off last. The counts are of all of the district.
    """
    at, after = None, None
    if cursor:
        at, urgency, placed, alert_id = decode_cursor(cursor, CURSOR)
        after = ActionKey(urgency, placed, alert_id)
    reading = services_of(request).reading
    found = await list_actions(
        reading.model,
        district_id=district_id,
        who_acts=WHO_ACTS,
        local=LOCAL,
        state=state,
        officer=officer,
        overdue=overdue,
        at=within_range(at),
        after=after,
        limit=limit + 1,
    )
    if found is None:
        raise Rejected("not-found", f"No district {district_id} is registered.")
    page = found.actions[:limit]
    more = len(found.actions) > limit
    body = {
        "district_id": district_id,
        "at": found.at,
        "by_officer": [counted._asdict() for counted in found.by_officer],
        "by_rule": [
            counted._asdict() | {"title": title_of(counted.rule)} for counted in found.by_rule
        ],
        "actions": [_told(action) for action in page],
        "next_cursor": encode_cursor(found.at, *page[-1].key) if more else None,
    }
    return answer(request, reading, body, found.snapshot, whole_state=True)


def _told(action: ActionRow) -> dict[str, Any]:
    rule = RULES.get(action.rule)
    told = action._asdict()
    for name in ("urgency", "placed", "turn", "is_put_off", "is_overdue"):
        del told[name]
    is_short = rule is not None and rule.by_transfer and action.closed_at is None
    return (
        told
        | tell_instants(told)
        | tell_rule(action.rule)
        | {
            "state": "done" if action.closed_at else "put_off" if action.is_put_off else "open",
            "step": action.turn,
            "overdue": action.is_overdue,
            "rescue": f"/v1/facilities/{action.facility_id}/items/{action.item_id}/rescue"
            if is_short
            else None,
            "nearest_surplus": action.nearest_surplus and action.nearest_surplus._asdict(),
        }
    )
