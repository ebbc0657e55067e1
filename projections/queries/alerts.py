"""Alerts: a list by filters, newest first, now or as it was known; and one with its history."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from projections.reading import ALL_TOPICS, ReadModel, Snapshot

# The same columns by what had been recorded at $10: the last that was found until then, and what
# people had said since the last opening.
THEN: Final = """(
    SELECT alert_id, rule, facility_no, district_id, item_no, lot, ordinal, found.severity,
           found.began_at, opened_at,
           CASE WHEN type = 'alert_closed' THEN found.recorded_at END AS closed_at,
           acknowledged.recorded_at AS acknowledged_at,
           acknowledged.body ->> 'recorded_by' AS acknowledged_by,
           (snoozed.body ->> 'until')::timestamptz AS snoozed_until,
           snoozed.body ->> 'recorded_by' AS snoozed_by, found.evidence
    FROM alert
    CROSS JOIN LATERAL (
        SELECT type, recorded_at, body ->> 'severity' AS severity,
               (body ->> 'began_at')::timestamptz AS began_at, body -> 'evidence' AS evidence
        FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $10 AND body ? 'revision'
        ORDER BY log_offset DESC LIMIT 1
    ) AS found
    CROSS JOIN LATERAL (
        SELECT max(log_offset) AS log_offset FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $10 AND type = 'alert_opened'
    ) AS opening
    LEFT JOIN LATERAL (
        SELECT recorded_at, body FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $10
          AND type = 'alert_acknowledged' AND told.log_offset > opening.log_offset
        ORDER BY told.log_offset DESC LIMIT 1
    ) AS acknowledged ON true
    LEFT JOIN LATERAL (
        SELECT recorded_at, body FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $10
          AND type = 'alert_snoozed' AND told.log_offset > opening.log_offset
        ORDER BY told.log_offset DESC LIMIT 1
    ) AS snoozed ON true
    WHERE opened_at <= $10
)"""

TOLD: Final = """
    json_build_array(
        alert_id, rule, severity,
        CASE WHEN closed_at IS NOT NULL THEN 'closed'
             WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END,
        facility_id, (SELECT name FROM facility WHERE facility.facility_id = known.facility_id),
        coalesce(nullif(alert.district_id, ''), place.district_id),
        item_id, (SELECT name FROM item WHERE item.item_id = numbered.item_id),
        nullif(lot, ''), ordinal, began_at, opened_at, closed_at, acknowledged_at,
        acknowledged_by, snoozed_until, snoozed_by, evidence)
"""
NAMES: Final = """
    LEFT JOIN facility_number AS known ON known.facility_no = alert.facility_no
    LEFT JOIN facility_state AS place ON place.facility_no = alert.facility_no
    LEFT JOIN item_number AS numbered ON numbered.item_no = alert.item_no
"""

ALERTS: Final = f"""
WITH page AS MATERIALIZED (
    SELECT * FROM {{alerts}} AS alert
    WHERE (opened_at, alert_id) < ($8, $9::uuid)
      AND ($1::text IS NULL OR rule = $1) AND ($2::text IS NULL OR severity = $2)
      AND ($3::text IS NULL OR alert.district_id = $3 OR facility_no IN (
          SELECT facility_no FROM facility_state WHERE facility_state.district_id = $3))
      AND ($4::text IS NULL OR facility_no = (
          SELECT facility_no FROM facility_number WHERE facility_id = $4))
      AND ($5::text IS NULL OR item_no = (SELECT item_no FROM item_number WHERE item_id = $5))
      AND ($6::text[] IS NULL
           OR CASE WHEN closed_at IS NOT NULL THEN 'closed'
                   WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END = ANY ($6))
      AND ($7::timestamptz IS NULL OR opened_at >= $7)
      AND $10::timestamptz IS NOT NULL
    ORDER BY opened_at DESC, alert_id DESC LIMIT $11
)
SELECT {ALL_TOPICS},
    (SELECT json_agg({TOLD} ORDER BY opened_at DESC, alert_id DESC)
     FROM page AS alert {NAMES}) AS alerts
"""

ONE: Final = f"""
SELECT {ALL_TOPICS},
    (SELECT {TOLD} FROM alert {NAMES} WHERE alert_id = $1::uuid) AS alert,
    (SELECT json_agg(json_build_array(type, event_id, recorded_at, body) ORDER BY log_offset)
     FROM alert_event WHERE alert_id = $1::uuid) AS history
"""


class AlertRow(NamedTuple):
    """`district_id` is the facility's of now, where it is about a facility. Instants are text."""

    alert_id: str
    rule: str
    severity: str
    state: str
    facility_id: str | None
    facility_name: str | None
    district_id: str | None
    item_id: str | None
    item_name: str | None
    lot: str | None
    ordinal: int
    began_at: str
    opened_at: str
    closed_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    snoozed_until: str | None
    snoozed_by: str | None
    evidence: dict[str, Any]


class AlertStep(NamedTuple):
    """A fact that counted, with its body as the log has it."""

    type: str
    event_id: str
    recorded_at: str
    body: dict[str, Any]


class AlertKey(NamedTuple):
    """When it was first opened, which never changes, and its id."""

    opened_at: datetime
    alert_id: str


@dataclass(frozen=True, slots=True)
class Alerts:
    snapshot: Snapshot
    alerts: Sequence[AlertRow]


async def list_alerts(
    model: ReadModel,
    *,
    rule: str | None = None,
    severity: str | None = None,
    district_id: str | None = None,
    facility_id: str | None = None,
    item_id: str | None = None,
    states: Collection[str] | None = None,
    since: datetime | None = None,
    before: AlertKey,
    known_at: datetime | None = None,
    limit: int,
) -> Alerts:
    """Opened at or after `since`, and before `before`. None: whatever it is."""
    snapshot = await model.fetch(
        ALERTS.format(alerts="alert" if known_at is None else THEN),
        *(rule, severity, district_id, facility_id, item_id),
        None if states is None else list(states),
        since,
        *before,
        known_at or before.opened_at,
        limit,
    )
    return Alerts(snapshot, [AlertRow(*fields) for fields in snapshot.loads("alerts")])


async def find_alert(
    model: ReadModel, alert_id: str
) -> tuple[Snapshot, AlertRow, Sequence[AlertStep]] | None:
    """None if there is no such alert."""
    snapshot = await model.fetch(ONE, alert_id)
    fields = snapshot.loads("alert")
    if not fields:
        return None
    steps = [AlertStep(*step) for step in snapshot.loads("history")]
    return snapshot, AlertRow(*fields), steps
