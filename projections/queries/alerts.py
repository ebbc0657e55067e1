"""Alerts: a list by filters, newest first, now or as it was known; and one with its history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from projections.queries.turns import paces, turn_arguments, turned
from projections.reading import ALL_TOPICS, ReadModel, Snapshot

# The same columns by what had been recorded at $5: the last that was found until then, and what
# people had said since the last opening.
THEN: Final = """(
    SELECT alert_id, rule, facility_no, district_id, item_no, lot, item_class, ordinal,
           found.severity, found.began_at, opened_at,
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
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $5 AND body ? 'revision'
        ORDER BY log_offset DESC LIMIT 1
    ) AS found
    CROSS JOIN LATERAL (
        SELECT max(log_offset) AS log_offset FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $5 AND type = 'alert_opened'
    ) AS opening
    LEFT JOIN LATERAL (
        SELECT recorded_at, body FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $5
          AND type = 'alert_acknowledged' AND told.log_offset > opening.log_offset
        ORDER BY told.log_offset DESC LIMIT 1
    ) AS acknowledged ON true
    LEFT JOIN LATERAL (
        SELECT recorded_at, body FROM alert_event AS told
        WHERE told.alert_id = alert.alert_id AND recorded_at <= $5
          AND type = 'alert_snoozed' AND told.log_offset > opening.log_offset
        ORDER BY told.log_offset DESC LIMIT 1
    ) AS snoozed ON true
    WHERE opened_at <= $5
)"""

TOLD: Final = """
    json_build_array(
        alert_id, alert.rule, severity,
        CASE WHEN closed_at IS NOT NULL THEN 'closed'
             WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END,
        facility_id, (SELECT name FROM facility WHERE facility.facility_id = known.facility_id),
        nullif(in_district, ''), item_id,
        (SELECT name FROM item WHERE item.item_id = numbered.item_id), nullif(lot, ''),
        nullif(item_class, ''), ordinal, began_at, opened_at, closed_at, acknowledged_at,
        acknowledged_by, snoozed_until, snoozed_by, evidence, step.officer, step.title, turn,
        passes_on_at, is_overdue)
"""
NAMES: Final = """
    JOIN step ON step.district_id = in_district AND number = turn
    LEFT JOIN facility_number AS known ON known.facility_no = alert.facility_no
    LEFT JOIN item_number AS numbered ON numbered.item_no = alert.item_no
"""

# From $1 on what turns depend on; at the instant $5, null: now.
TURNS: Final = f"""
    instant AS MATERIALIZED (
        SELECT coalesce($5::timestamptz, now()) AS at,
               coalesce($5, 'infinity'::timestamptz) AS known_at
    ), found AS MATERIALIZED (
        SELECT page.*,
               coalesce(nullif(page.district_id, ''), place.district_id, '') AS in_district
        FROM page LEFT JOIN facility_state AS place USING (facility_no)
    ), {paces("SELECT DISTINCT in_district AS district_id FROM found", arguments_from=1)},
    {turned("SELECT * FROM found")}
"""

ALERTS: Final = f"""
WITH page AS MATERIALIZED (
    SELECT * FROM {{alerts}} AS alert
    WHERE (opened_at, alert_id) < ($13, $14::uuid)
      AND ($6::text IS NULL OR rule = $6) AND ($7::text IS NULL OR severity = $7)
      AND ($8::text IS NULL OR alert.district_id = $8 OR facility_no IN (
          SELECT facility_no FROM facility_state WHERE facility_state.district_id = $8))
      AND ($9::text IS NULL OR facility_no = (
          SELECT facility_no FROM facility_number WHERE facility_id = $9))
      AND ($10::text IS NULL OR item_no = (SELECT item_no FROM item_number WHERE item_id = $10))
      AND ($11::text[] IS NULL
           OR CASE WHEN closed_at IS NOT NULL THEN 'closed'
                   WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END = ANY ($11))
      AND ($12::timestamptz IS NULL OR opened_at >= $12)
    ORDER BY opened_at DESC, alert_id DESC LIMIT $15
), {TURNS}
SELECT {ALL_TOPICS},
    (SELECT json_agg({TOLD} ORDER BY opened_at DESC, alert_id DESC)
     FROM turned AS alert {NAMES}) AS alerts
"""

ONE: Final = f"""
WITH page AS MATERIALIZED (SELECT * FROM alert WHERE alert_id = $6::uuid), {TURNS}
SELECT {ALL_TOPICS},
    (SELECT {TOLD} FROM turned AS alert {NAMES}) AS alert,
    (SELECT json_agg(json_build_array(type, event_id, recorded_at, body) ORDER BY log_offset)
     FROM alert_event WHERE alert_id = $6::uuid) AS history
"""


class AlertRow(NamedTuple):
    """`district_id` is the facility's of now, where it is about a facility. `turn` is the number of
    the chain's step, whose officer passes it on at `passes_on_at`. Instants are text.
    """

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
    item_class: str | None
    ordinal: int
    began_at: str
    opened_at: str
    closed_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    snoozed_until: str | None
    snoozed_by: str | None
    evidence: dict[str, Any]
    officer: str
    officer_title: str | None
    turn: int
    passes_on_at: str | None
    is_overdue: bool


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
    who_acts: Mapping[str, str],
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
    """Opened at or after `since`, and before `before`. None: whatever it is. `who_acts`: with whom
    the chain of command begins, by rule.
    """
    snapshot = await model.fetch(
        ALERTS.format(alerts="alert" if known_at is None else THEN),
        *turn_arguments(who_acts),
        known_at,
        *(rule, severity, district_id, facility_id, item_id),
        None if states is None else list(states),
        since,
        *before,
        limit,
    )
    return Alerts(snapshot, [AlertRow(*fields) for fields in snapshot.loads("alerts")])


async def find_alert(
    model: ReadModel, alert_id: str, *, who_acts: Mapping[str, str]
) -> tuple[Snapshot, AlertRow, Sequence[AlertStep]] | None:
    """None if there is no such alert."""
    snapshot = await model.fetch(ONE, *turn_arguments(who_acts), None, alert_id)
    fields = snapshot.loads("alert")
    if not fields:
        return None
    steps = [AlertStep(*step) for step in snapshot.loads("history")]
    return snapshot, AlertRow(*fields), steps
