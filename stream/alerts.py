"""Facts about alerts, as `alert-events` holds them: what rules found, and what people said of it.

An alert is one episode of what a rule looks for at one subject: `ordinal` counts them. What the
evaluation says of an alert forms a chain: `revision` 1 opened it, and each that follows counts
only if the one before it is the last that counted. An event's id derives from alert and revision,
so two evaluations, or one that is repeated after a crash, never say a thing twice: the first
recorded stands. What people say is no part of the chain; its ids are the sender's.
"""

from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID, uuid5

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from stream.events import Logged
from stream.fields import Code, EventId, Id, Instant, Lot, Name, Note, Reason, null_is, slip
from stream.lines import Contract

ALERT_TYPES: Final = (
    "alert_opened",
    "alert_changed",
    "alert_closed",
    "alert_acknowledged",
    "alert_snoozed",
    "alert_noted",
)
NAMESPACE: Final = UUID("6f0c1f0e-5d0b-5a5c-9a43-1d6b5c0f2a71")
"""Of the ids of alerts and of what evaluation says of them. Never changed: the log is for ever."""

MAX_EVIDENCE: Final = 30

Severity = Literal["critical", "warning", "info"]
RuleId = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Evidence = Annotated[dict[Code, JsonValue], Field(max_length=MAX_EVIDENCE)]


class Subject(Contract):
    """What an alert is about: something at one facility, or in one district."""

    facility_id: Id | None = None
    district_id: Id | None = None
    item_id: Id | None = None
    lot: Lot | None = None
    item_class: Name | None = None
    """Of items that are used alike, in a district."""

    @model_validator(mode="after")
    def check_place(self) -> Self:
        if (self.facility_id is None) == (self.district_id is None):
            raise slip("facility_id", "an alert is about a facility or a district, one of them")
        if self.lot is not None and self.item_id is None:
            raise slip("lot", "a lot is one of an item")
        if self.item_class is not None and (self.item_id or self.facility_id) is not None:
            raise slip("item_class", "a class is of many items, in a district")
        return self

    @property
    def place(self) -> str:
        """The key of the records about it: the facility_id, or the district's, told apart by a
        sign that no id has. A facility's alerts are in the partition of its stock, by number.
        """
        return self.facility_id or f"district/{self.district_id}"


class AlertFact(Contract):
    event_id: EventId
    schema_version: Annotated[Literal[1], null_is(1)] = 1
    alert_id: EventId
    rule: RuleId
    subject: Subject


class Found(AlertFact):
    """What evaluation says: all of it each time, so that each stands by itself.

    `began_at`: since when it is so, by what is known; a late fact may move it. `evidence`: the
    figures that made it so, and ids of events.
    """

    ordinal: Ordinal
    revision: Ordinal
    severity: Severity
    began_at: Instant
    evaluated_at: Instant
    evidence: Evidence


class AlertOpened(Found):
    """The first of an alert, or a late fact showed that it wasn't over."""

    type: Literal["alert_opened"]


class AlertChanged(Found):
    type: Literal["alert_changed"]


class AlertClosed(Found):
    type: Literal["alert_closed"]


class AlertAcknowledged(AlertFact):
    type: Literal["alert_acknowledged"]
    note: Note | None = None


class AlertSnoozed(AlertFact):
    """Nobody is reminded of it before `until`; it stays open."""

    type: Literal["alert_snoozed"]
    until: Instant
    reason: Reason


class AlertNoted(AlertFact):
    type: Literal["alert_noted"]
    note: Note


class Statement(Contract):
    """What somebody posts about an alert. With an `event_id` it can be sent again safely."""

    event_id: EventId | None = None


class Acknowledgement(Statement):
    note: Note | None = None


class Snooze(Statement):
    until: Instant
    reason: Reason


class Noted(Statement):
    note: Note


class LoggedAlertOpened(AlertOpened, Logged): ...


class LoggedAlertChanged(AlertChanged, Logged): ...


class LoggedAlertClosed(AlertClosed, Logged): ...


class LoggedAlertAcknowledged(AlertAcknowledged, Logged): ...


class LoggedAlertSnoozed(AlertSnoozed, Logged): ...


class LoggedAlertNoted(AlertNoted, Logged): ...


DraftAlertEvent: TypeAlias = (
    AlertOpened | AlertChanged | AlertClosed | AlertAcknowledged | AlertSnoozed | AlertNoted
)
AlertEvent = Annotated[
    LoggedAlertOpened
    | LoggedAlertChanged
    | LoggedAlertClosed
    | LoggedAlertAcknowledged
    | LoggedAlertSnoozed
    | LoggedAlertNoted,
    Field(discriminator="type"),
]
logged_alert_event: Final[TypeAdapter[AlertEvent]] = TypeAdapter(AlertEvent)


def alert_id_of(rule: str, subject: Subject, ordinal: int) -> str:
    parts = [rule, subject.place, subject.item_id or "", subject.lot or "", str(ordinal)]
    if subject.item_class is not None:
        parts.append(subject.item_class)
    return str(uuid5(NAMESPACE, "\x1f".join(parts)))  # which no id nor lot holds


def found_event_id(alert_id: str, revision: int) -> str:
    return str(uuid5(NAMESPACE, f"{alert_id} {revision}"))
