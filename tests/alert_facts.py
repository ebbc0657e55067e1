"""Facts about alerts as evaluation and people append them."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from pydantic import TypeAdapter

from stream.alerts import DraftAlertEvent, Subject, alert_id_of, found_event_id
from stream.codec import OutgoingRecord, encode_alert_event
from tests.stack import PARTITIONS

WHEN = datetime(2026, 3, 2, 9, tzinfo=UTC)
DRAFT: TypeAdapter[DraftAlertEvent] = TypeAdapter(DraftAlertEvent)
RULE = "out_of_stock"


def found(
    subject: Subject, kind: str, revision: int, *, ordinal: int = 1, rule: str = RULE, **told: Any
) -> DraftAlertEvent:
    """What evaluation says of an alert."""
    alert_id = alert_id_of(rule, subject, ordinal)
    return DRAFT.validate_python(
        {
            "event_id": found_event_id(alert_id, revision),
            "type": f"alert_{kind}",
            "alert_id": alert_id,
            "rule": rule,
            "subject": subject,
            "ordinal": ordinal,
            "revision": revision,
            "severity": "critical",
            "began_at": WHEN,
            "evaluated_at": WHEN,
            "evidence": {"usable": 0},
            **told,
        }
    )


def said(
    subject: Subject, kind: str, *, ordinal: int = 1, rule: str = RULE, **told: Any
) -> DraftAlertEvent:
    """What somebody says of an alert."""
    alert_id = alert_id_of(rule, subject, ordinal)
    fact = {
        "event_id": str(uuid5(NAMESPACE_OID, f"{alert_id} {kind} {told}")),
        "type": f"alert_{kind}",
        "alert_id": alert_id,
        "rule": rule,
        "subject": subject,
    }
    return DRAFT.validate_python(fact | told)


def encode_alert(event: DraftAlertEvent, partitions: int = PARTITIONS) -> OutgoingRecord:
    return encode_alert_event(event, recorded_by="test", source="test", partitions=partitions)


def history(facility_id: str) -> list[DraftAlertEvent]:
    """An alert that is opened, noted, changed and closed; some of it twice or too late."""
    item = Subject(facility_id=facility_id, item_id="paracetamol")
    note = said(item, "noted", note="came")
    return [
        found(item, "opened", 1),
        found(item, "opened", 1, evidence={"told": "by another"}),
        said(item, "acknowledged", note="ordered"),
        said(item, "snoozed", until=WHEN, reason="on its way"),
        note,
        note,
        said(item, "noted", note="went", event_id=note.event_id),
        found(item, "changed", 2, severity="warning"),
        found(item, "closed", 2),
        found(item, "closed", 3),
        found(item, "opened", 1, ordinal=2),
    ]
