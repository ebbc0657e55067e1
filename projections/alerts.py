"""Facts about alerts → how each alert stands, and its history. Pure but for the last function.

The order of the log decides (`stream.alerts`): a finding counts if its revision is the one after
the last that counted, and what people say counts once. What doesn't count leaves no row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from stream.alerts import (
    AlertEvent,
    Found,
    LoggedAlertAcknowledged,
    LoggedAlertChanged,
    LoggedAlertClosed,
    LoggedAlertOpened,
    LoggedAlertSnoozed,
    Severity,
    Subject,
    logged_alert_event,
)
from stream.batches import LogRecord
from stream.codec import current_body, decode_alert_event
from stream.events import Logged

COLUMNS: Final[Mapping[str, str]] = {
    "place": "text",
    "alert_id": "uuid",
    "rule": "text",
    "facility_no": "int",
    "district_id": "text",
    "item_no": "int",
    "lot": "text",
    "item_class": "text",
    "ordinal": "int",
    "revision": "int",
    "severity": "text",
    "began_at": "timestamptz",
    "opened_at": "timestamptz",
    "closed_at": "timestamptz",
    "acknowledged_at": "timestamptz",
    "acknowledged_by": "text",
    "snoozed_until": "timestamptz",
    "snoozed_by": "text",
    "evidence": "jsonb",
}
EVENT_COLUMNS: Final = (
    "place",
    "alert_id",
    "event_id",
    "type",
    "recorded_at",
    "partition",
    "log_offset",
    "body",
)

FIND_KNOWN: Final = """
SELECT alert_id::text, rule, facility_id, nullif(alert.district_id, '') AS district_id, item_id,
       nullif(lot, '') AS lot, nullif(item_class, '') AS item_class, ordinal, revision, severity,
       began_at, opened_at, closed_at, acknowledged_at, acknowledged_by, snoozed_until, snoozed_by,
       evidence::text,
       ARRAY(SELECT body::text FROM alert_event
             WHERE alert_event.place = alert.place AND alert_event.alert_id = alert.alert_id
               AND event_id = ANY ($3::uuid[])) AS told
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::uuid[]) AS named (place, alert_id)) AS named
JOIN alert USING (place, alert_id)
LEFT JOIN facility_number USING (facility_no) LEFT JOIN item_number USING (item_no)
"""

PUT: Final = f"""
INSERT INTO alert ({", ".join(COLUMNS)})
SELECT * FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMNS.values(), 1))})
ON CONFLICT (place, alert_id) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in list(COLUMNS)[9:])}
"""


@dataclass(slots=True)
class AlertArrival:
    """A decoded fact about an alert; `recorded_at` is set when its turn comes."""

    record: LogRecord
    event: AlertEvent
    recorded_at: datetime = field(init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """How an alert stands. `opened_at` (the first time) and `closed_at` tell when it was recorded,
    `began_at` since when it is so. Who acknowledged or snoozed it did so since the last opening.
    """

    rule: str
    subject: Subject
    ordinal: int
    revision: int
    severity: Severity
    began_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def row(self, facility: object, item: object) -> tuple[Any, ...]:
        """The values of `COLUMNS` from `rule` on, with what stands for facility and item."""
        return (
            self.rule,
            facility,
            self.subject.district_id or "",
            item,
            self.subject.lot or "",
            self.subject.item_class or "",
            self.ordinal,
            self.revision,
            self.severity,
            self.began_at,
            self.opened_at,
            self.closed_at,
            self.acknowledged_at,
            self.acknowledged_by,
            self.snoozed_until,
            self.snoozed_by,
            self.evidence,
        )


AlertKey: TypeAlias = tuple[str, str]
"""(place, alert_id)"""


@dataclass(slots=True)
class AlertBook:
    """Alerts as far as they are known, and what counted of the facts that were told to it.

    `told`: those that counted, by id; `conflicts`: what people said with an id of something else.
    """

    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    told: dict[AlertKey, dict[str, AlertEvent]] = field(default_factory=dict)
    counted: list[AlertArrival] = field(default_factory=list)
    conflicts: list[AlertArrival] = field(default_factory=list)

    def tell(self, arrival: AlertArrival) -> None:
        """In the log's order."""
        event = arrival.event
        key = (event.subject.place, event.alert_id)
        told = self.told.setdefault(key, {})
        if known := told.get(event.event_id):
            if not isinstance(event, Found) and _content(event) != _content(known):
                self.conflicts.append(arrival)
            return
        after = _step(self.alerts.get(key), event, arrival.recorded_at)
        if after is None:
            return
        told[event.event_id] = event
        self.alerts[key] = after
        self.counted.append(arrival)


def _content(event: AlertEvent) -> dict[str, Any]:
    """Whoever said it."""
    return event.model_dump(exclude=set(Logged.model_fields))


def _step(alert: Alert | None, event: AlertEvent, recorded_at: datetime) -> Alert | None:
    """How the alert stands after it; None where it doesn't count."""
    match event:
        case LoggedAlertOpened() | LoggedAlertChanged() | LoggedAlertClosed():
            return _find(alert, event, recorded_at)
        case _ if alert is None:
            return None
        case LoggedAlertAcknowledged(recorded_by=who):
            return replace(alert, acknowledged_at=recorded_at, acknowledged_by=who)
        case LoggedAlertSnoozed(recorded_by=who, until=until):
            return replace(alert, snoozed_until=until, snoozed_by=who)
        case _:
            return alert


def _find(
    alert: Alert | None,
    event: LoggedAlertOpened | LoggedAlertChanged | LoggedAlertClosed,
    recorded_at: datetime,
) -> Alert | None:
    if event.revision != (1 if alert is None else alert.revision + 1):
        return None
    if isinstance(event, LoggedAlertOpened):
        return Alert(
            rule=event.rule,
            subject=event.subject,
            ordinal=event.ordinal,
            revision=event.revision,
            severity=event.severity,
            began_at=event.began_at,
            opened_at=recorded_at if alert is None else alert.opened_at,
            evidence=event.evidence,
        )
    return alert and replace(
        alert,
        revision=event.revision,
        severity=event.severity,
        began_at=event.began_at,
        evidence=event.evidence,
        closed_at=recorded_at if isinstance(event, LoggedAlertClosed) else alert.closed_at,
    )


def decode_alert_arrival(record: LogRecord) -> AlertArrival:
    """Raises `Undecodable` or `NewerSchema` as `decode_event`."""
    return AlertArrival(record, decode_alert_event(record.key, record.value, record.headers))


def event_row(arrival: AlertArrival) -> tuple[Any, ...]:
    """The values of `EVENT_COLUMNS`."""
    record, event = arrival.record, arrival.event
    assert record.value is not None
    return (
        event.subject.place,
        UUID(event.alert_id),
        UUID(event.event_id),
        event.type,
        arrival.recorded_at,
        record.partition,
        record.offset,
        current_body(record.value, record.headers).decode(),
    )


async def project_alerts(
    connection: "asyncpg.Connection[Any]",
    arrivals: Sequence[AlertArrival],
    facility_nos: Mapping[str, int],
    item_nos: Mapping[str, int],
) -> list[AlertArrival]:
    """Write the rows within the caller's transaction. All subjects have numbers.

    Returns what people said with the id of something else, which doesn't count.
    """
    book = await _find_known(connection, arrivals)
    for arrival in arrivals:
        book.tell(arrival)
    if not book.counted:
        return book.conflicts
    await connection.copy_records_to_table(
        "alert_event", columns=EVENT_COLUMNS, records=[event_row(each) for each in book.counted]
    )
    rows = []
    for key in {(each.event.subject.place, each.event.alert_id): None for each in book.counted}:
        alert = book.alerts[key]
        facility_id, item_id = alert.subject.facility_id, alert.subject.item_id
        *values, evidence = alert.row(
            facility_nos[facility_id] if facility_id else 0, item_nos[item_id] if item_id else 0
        )
        rows.append((*key, *values, orjson.dumps(evidence).decode()))
    await connection.execute(PUT, *zip(*rows, strict=True))
    return book.conflicts


async def _find_known(
    connection: "asyncpg.Connection[Any]", arrivals: Iterable[AlertArrival]
) -> AlertBook:
    events = [arrival.event for arrival in arrivals]
    rows = await connection.fetch(
        FIND_KNOWN,
        [event.subject.place for event in events],
        [event.alert_id for event in events],
        [event.event_id for event in events],
    )
    book = AlertBook()
    for row in rows:
        alert = dict(row)
        subject = Subject(**{name: alert.pop(name) for name in Subject.model_fields})
        key = (subject.place, alert.pop("alert_id"))
        told = map(logged_alert_event.validate_json, alert.pop("told"))
        book.told[key] = {event.event_id: event for event in told}
        evidence = orjson.loads(alert.pop("evidence"))
        book.alerts[key] = Alert(subject=subject, evidence=evidence, **alert)
    return book
