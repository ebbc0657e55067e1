"""What a rule holds for now against the alerts that are open: what to open, change and close."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from alerts.rule import About, Rule
from alerts.scopes import Scope
from stream.alerts import (
    AlertChanged,
    AlertClosed,
    AlertOpened,
    Severity,
    Subject,
    alert_id_of,
    found_event_id,
)

Finding = AlertOpened | AlertChanged | AlertClosed

FETCH_ROWS: Final = 1_000

REOPENS_WITHIN: Final = timedelta(hours=1)
"""What begins so soon after its subject's last alert was closed is that alert again, so that what
comes and goes is one."""

NONE: Final = "''::text"

_PARTS: Final[Mapping[About, tuple[str, str, str, str, str]]] = {
    "facility": ("facility_no", NONE, "0", NONE, NONE),
    "item": ("facility_no", NONE, "item_no", NONE, NONE),
    "lot": ("facility_no", NONE, "item_no", "lot", NONE),
    "district": ("0", "district_id", "0", NONE, NONE),
    "district_item": ("0", "district_id", "item_no", NONE, NONE),
    "district_class": ("0", "district_id", "0", NONE, "item_class"),
}
_SUBJECT: Final = "{} AS facility_no, {} AS district_id, {} AS item_no, {} AS lot, {} AS item_class"
SUBJECTS: Final[Mapping[About, str]] = {
    about: _SUBJECT.format(*parts) for about, parts in _PARTS.items()
}

# A join with `place` instead would be one of all facilities with each other where a rule reads it.
APPLIES: Final = "facility_no NOT IN (SELECT facility_no FROM place WHERE counted_at IS NULL)"
OPENS: Final = "facility_no NOT IN (SELECT facility_no FROM place WHERE silent)"
OF_FACILITY: Final = """
    SELECT '{rule}'::text AS rule, {subject}, severity, began_at, {evidence}, {opens} AS may_open
    FROM ({query}) AS found WHERE {applies}
"""
OF_DISTRICT: Final = """
    SELECT '{rule}'::text AS rule, {subject}, severity, began_at, {evidence}, true AS may_open
    FROM ({query}) AS found
"""

# An alert that isn't open yet follows on its subject's last one, which may open again.
DIFFERENCE: Final = """
WITH RECURSIVE {relations}, held AS ({held}), known AS (
    SELECT rule, facility_no, district_id, item_no, lot, item_class, alert_id, ordinal,
           revision,
           severity AS known_severity, began_at AS known_began_at, evidence AS known_evidence
    FROM alert WHERE rule = ANY ($2::text[]) AND closed_at IS NULL AND {known}
)
SELECT rule, facility_id, nullif(district_id, '') AS district_id, item_id, nullif(lot, '') AS lot,
       nullif(item_class, '') AS item_class, held.severity, held.began_at,
       to_jsonb(held.evidence)::text AS evidence,
       known.alert_id::text,
       coalesce(known.ordinal, last.ordinal) AS ordinal,
       coalesce(known.revision, last.revision) AS revision,
       coalesce(known_severity, last.severity) AS known_severity,
       coalesce(known_began_at, last.began_at) AS known_began_at, known_evidence::text,
       last.closed_at
FROM held FULL JOIN known USING (rule, facility_no, district_id, item_no, lot, item_class)
LEFT JOIN LATERAL (
    SELECT ordinal, revision, severity, began_at, closed_at FROM alert
    WHERE alert.facility_no = held.facility_no AND alert.item_no = held.item_no
      AND alert.rule = held.rule AND alert.lot = held.lot AND alert.district_id = held.district_id
      AND alert.item_class = held.item_class
    ORDER BY ordinal DESC LIMIT 1
) AS last ON known.alert_id IS NULL
LEFT JOIN facility_number USING (facility_no) LEFT JOIN item_number USING (item_no)
WHERE held.severity IS NULL OR known.alert_id IS NULL AND may_open
   OR held.severity <> known_severity OR held.began_at <> known_began_at
   OR known.alert_id = ANY ($3::uuid[])
"""


class Row(NamedTuple):
    """A row of `DIFFERENCE`. Without `severity` it no longer holds. Without `alert_id` none is
    open, and the rest is of the subject's last alert, if there was one.
    """

    rule: str
    facility_id: str | None
    district_id: str | None
    item_id: str | None
    lot: str | None
    item_class: str | None
    severity: Severity | None
    began_at: datetime | None
    evidence: str | None
    alert_id: str | None
    ordinal: int | None
    revision: int | None
    known_severity: Severity | None
    known_began_at: datetime | None
    known_evidence: str | None
    closed_at: datetime | None

    @property
    def subject(self) -> Subject:
        return Subject(
            facility_id=self.facility_id,
            district_id=self.district_id,
            item_id=self.item_id,
            lot=self.lot,
            item_class=self.item_class,
        )


class Damping:
    """Since when open alerts no longer hold, of rules that wait before they close one.

    Kept in memory: after a restart they wait anew.
    """

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    @property
    def alert_ids(self) -> Collection[str]:
        return self._since.keys()

    def holds(self, alert_id: str) -> None:
        self._since.pop(alert_id, None)

    def is_over(self, rule: Rule, alert_id: str, now: datetime) -> bool:
        if not rule.keep_for:
            return True
        is_over = now - self._since.setdefault(alert_id, now) >= rule.keep_for
        if is_over:
            del self._since[alert_id]
        return is_over


async def find_differences(
    connection: "asyncpg.Connection[Any]",
    rules: Collection[Rule],
    scope: Scope,
    *,
    now: datetime,
    damping: Damping,
) -> AsyncIterator[Finding]:
    """What is to be appended; within a transaction, which sees one state. All rules are about what
    the scope is of.
    """
    by_id = {rule.id: rule for rule in rules}
    arguments = (now, list(by_id), list(damping.alert_ids), *scope.arguments)
    statement = statement_of(rules, scope)
    async for fields in connection.cursor(statement, *arguments, prefetch=FETCH_ROWS):
        row = Row(*fields)
        if finding := _decide(by_id[row.rule], row, now, damping):
            yield finding


def statement_of(rules: Collection[Rule], scope: Scope) -> str:
    """Takes the instant, the rules' ids, alerts to look at again, and the scope's arguments."""
    # Of one rule, evidence is made of those rows alone that differ.
    evidence = "evidence" if len(rules) == 1 else "to_jsonb(evidence) AS evidence"
    held = " UNION ALL ".join(_held(rule, evidence) for rule in rules)
    return DIFFERENCE.format(held=held, relations=scope.relations_of(rules), known=scope.known)


def _held(rule: Rule, evidence: str) -> str:
    subject = SUBJECTS[rule.about]
    if rule.is_of_district:
        return OF_DISTRICT.format(
            rule=rule.id, subject=subject, query=rule.query, evidence=evidence
        )
    return OF_FACILITY.format(
        rule=rule.id,
        subject=subject,
        query=rule.query,
        evidence=evidence,
        opens="true" if rule.opens_in_silence else OPENS,
        applies=APPLIES if rule.from_first_count else "true",
    )


def _decide(rule: Rule, row: Row, now: datetime, damping: Damping) -> Finding | None:
    if row.alert_id is None:
        return _open(rule, row, now)
    if row.severity is None:
        if not damping.is_over(rule, row.alert_id, now):
            return None
        return AlertClosed(type="alert_closed", **_told(rule, row, now))
    damping.holds(row.alert_id)
    began_at = row.began_at or row.known_began_at
    if (row.severity, began_at) == (row.known_severity, row.known_began_at):
        return None
    return AlertChanged(type="alert_changed", **_told(rule, row, now))


def _open(rule: Rule, row: Row, now: datetime) -> AlertOpened:
    """A new episode, unless it began before the last was over, or soon after: then that goes on."""
    is_last = row.closed_at is not None and (row.began_at or now) < row.closed_at + REOPENS_WITHIN
    if not is_last:
        row = row._replace(ordinal=1 + (row.ordinal or 0), revision=0, known_began_at=now)
    return AlertOpened(type="alert_opened", **_told(rule, row, now))


def _told(rule: Rule, row: Row, now: datetime) -> dict[str, Any]:
    """What every finding has. Of what no longer holds it is as it was before."""
    assert row.ordinal is not None
    assert row.revision is not None
    alert_id = alert_id_of(rule.id, row.subject, row.ordinal)
    return {
        "event_id": found_event_id(alert_id, row.revision + 1),
        "alert_id": alert_id,
        "rule": rule.id,
        "subject": row.subject,
        "ordinal": row.ordinal,
        "revision": row.revision + 1,
        "severity": row.severity or row.known_severity,
        "began_at": row.began_at or row.known_began_at,
        "evaluated_at": now,
        "evidence": orjson.loads(row.evidence or row.known_evidence or "{}"),
    }
