"""What there is to do in a district: its alerts, whose turn each is, the worst first.

The chain of command that applies to the district gives each officer's turn: seconds from when an
alert could be known, `greatest(began_at, opened_at)`. Who acknowledges an alert starts the time of
the officer whose turn it is anew. What is closed stands as it stood then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import orjson

from projections.reading import ALL_TOPICS, ReadModel, Snapshot
from stream.reference import DEFAULT_STEPS, OFFICERS

ActionState = Literal["open", "done"]

DONE_DAYS: Final = 7
"""For so long what is closed is told as done."""

# Of the district $1 at the instant $2 (null: now). $3: the default steps; $4: officers from the
# facility up; $5 and $6: who acts by each rule.
PACE: Final = """
    instant AS MATERIALIZED (
        SELECT coalesce($2::timestamptz, now()) AS at
    ), chain AS MATERIALIZED (
        SELECT body -> 'steps' AS steps FROM (
            SELECT DISTINCT ON (chain_id) * FROM chain_record
            WHERE valid_from <= (SELECT at FROM instant)
            ORDER BY chain_id, valid_from DESC, log_offset DESC
        ) AS valid
        WHERE NOT withdrawn
          AND (district_id = $1 OR district_id IS NULL AND state = coalesce(
              (SELECT state FROM district WHERE district.district_id = $1),
              (SELECT min(state) FROM facility_state WHERE facility_state.district_id = $1)))
        ORDER BY district_id IS NULL, chain_id DESC LIMIT 1
    ), step AS MATERIALIZED (
        SELECT number::integer, officer, title, after_hours * 3600::float8 AS after,
               min(coalesce(critical_after_hours, after_hours)) OVER (ORDER BY number DESC)
                   * 3600::float8 AS critical_after
        FROM ROWS FROM (jsonb_to_recordset(coalesce((SELECT steps FROM chain), $3::jsonb)) AS (
            officer text, title text, after_hours integer, critical_after_hours integer
        )) WITH ORDINALITY AS told (officer, title, after_hours, critical_after_hours, number)
    ), beginning AS (
        SELECT rule, coalesce(min(number) FILTER (
                   WHERE array_position($4::text[], step.officer)
                         >= array_position($4, acts.officer)), max(number)) AS number
        FROM unnest($5::text[], $6::text[]) AS acts (rule, officer) CROSS JOIN step GROUP BY rule
    ), pace AS MATERIALIZED (
        SELECT array_agg(after ORDER BY number) AS afters,
               array_agg(critical_after ORDER BY number) AS critical_afters,
               (SELECT jsonb_object_agg(rule, number) FROM beginning) AS beginnings
        FROM step
    )
"""

# Materialised step by step: each figure is used several times, and computed once.
ACTIONS: Final = f"""
WITH {PACE}, here AS MATERIALIZED (
    SELECT facility_no, '' AS district_id FROM facility_state
    WHERE facility_state.district_id = $1
    UNION ALL SELECT 0, $1
), told AS MATERIALIZED (
    SELECT place, alert_id, rule, severity, began_at, closed_at, at, acknowledged_at,
           coalesce((beginnings ->> rule)::integer, 1) AS begins_with,
           CASE severity WHEN 'critical' THEN critical_afters ELSE afters END AS afters,
           greatest(began_at, opened_at) AS since,
           closed_at IS NULL AND coalesce(snoozed_until > at, false) AS is_put_off
    FROM here JOIN alert USING (facility_no, district_id) CROSS JOIN instant CROSS JOIN pace
    WHERE coalesce(closed_at, 'infinity') > at - interval '{DONE_DAYS} days'
), timed AS MATERIALIZED (
    SELECT *, greatest(begins_with, width_bucket(0::float8, afters)) AS first_turn,
           coalesce(acknowledged_at, since) AS counts_from,
           coalesce(afters[width_bucket(
               extract(epoch FROM acknowledged_at - since)::float8, afters)], 0) AS ahead
    FROM told
), turned AS MATERIALIZED (
    SELECT *, greatest(first_turn, width_bucket(
               extract(epoch FROM coalesce(closed_at, at) - counts_from)::float8 + ahead, afters
           )) AS turn
    FROM timed
), action AS MATERIALIZED (
    SELECT place, alert_id, rule, closed_at IS NULL AS is_open, is_put_off, turn,
           turn > first_turn AND NOT is_put_off AS is_overdue,
           CASE WHEN closed_at IS NULL
                THEN counts_from + make_interval(secs => afters[turn + 1] - ahead)
           END AS passes_on_at,
           CASE WHEN closed_at IS NOT NULL THEN 0 ELSE is_put_off::int * 100
                + array_position(ARRAY['critical', 'warning', 'info'], severity) * 10 - turn
           END AS urgency,
           (1000000 * CASE WHEN closed_at IS NULL THEN extract(epoch FROM began_at)
                           ELSE -extract(epoch FROM closed_at) END)::bigint AS placed
    FROM turned
), page AS MATERIALIZED (
    SELECT action.*, officer, title FROM action JOIN step ON number = turn
    WHERE is_open = ($7 = 'open')
      AND ($8::text IS NULL OR officer = $8) AND ($9::boolean IS NULL OR is_overdue = $9)
      AND ($10::integer IS NULL OR (urgency, placed, alert_id) > ($10, $11::bigint, $12::uuid))
    ORDER BY urgency, placed, alert_id LIMIT $13
)
SELECT {ALL_TOPICS},
    EXISTS (SELECT FROM district_record WHERE district_id = $1)
        OR EXISTS (SELECT FROM facility_state WHERE district_id = $1) AS is_known,
    (SELECT at FROM instant) AS at,
    (SELECT json_agg(json_build_array(
         officer, title, coalesce(open, 0), coalesce(overdue, 0)) ORDER BY number)
     FROM step LEFT JOIN (
         SELECT turn AS number, count(*) AS open, count(*) FILTER (WHERE is_overdue) AS overdue
         FROM action WHERE is_open GROUP BY turn
     ) AS counted USING (number)) AS by_officer,
    (SELECT json_agg(json_build_array(rule, open, overdue, put_off, done)
                     ORDER BY open DESC, rule)
     FROM (SELECT rule, count(*) FILTER (WHERE is_open) AS open,
                  count(*) FILTER (WHERE is_open AND is_overdue) AS overdue,
                  count(*) FILTER (WHERE is_put_off) AS put_off,
                  count(*) FILTER (WHERE NOT is_open) AS done
           FROM action GROUP BY rule) AS counted) AS by_rule,
    (SELECT json_agg(json_build_array(
         alert_id, alert.rule, severity, facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = known.facility_id), item_id,
         (SELECT name FROM item WHERE item.item_id = numbered.item_id), nullif(lot, ''), began_at,
         opened_at, closed_at, acknowledged_at, acknowledged_by, snoozed_until, snoozed_by,
         is_put_off, evidence, officer, title, turn, passes_on_at, is_overdue, urgency,
         placed) ORDER BY urgency, placed, alert_id)
     FROM page JOIN alert USING (place, alert_id)
     LEFT JOIN facility_number AS known USING (facility_no)
     LEFT JOIN item_number AS numbered USING (item_no)) AS actions
"""


class ActionKey(NamedTuple):
    """Where an action stands in the list of one instant."""

    urgency: int
    placed: int
    alert_id: str


class ActionRow(NamedTuple):
    """`turn` is the number of the chain's step, from 1; its officer passes it on at
    `passes_on_at`. Instants are text.
    """

    alert_id: str
    rule: str
    severity: str
    facility_id: str | None
    facility_name: str | None
    item_id: str | None
    item_name: str | None
    lot: str | None
    began_at: str
    opened_at: str
    closed_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    snoozed_until: str | None
    snoozed_by: str | None
    is_put_off: bool
    evidence: dict[str, Any]
    officer: str
    officer_title: str | None
    turn: int
    passes_on_at: str | None
    is_overdue: bool
    urgency: int
    placed: int

    @property
    def key(self) -> ActionKey:
        return ActionKey(self.urgency, self.placed, self.alert_id)


class OfficerCount(NamedTuple):
    officer: str
    title: str | None
    open: int
    overdue: int


class RuleCount(NamedTuple):
    """Of those that are `open`, so many are `overdue` and `put_off`."""

    rule: str
    open: int
    overdue: int
    put_off: int
    done: int


@dataclass(frozen=True, slots=True)
class Actions:
    """Counts are of all of the district, whatever was asked for."""

    snapshot: Snapshot
    at: datetime
    by_officer: Sequence[OfficerCount]
    by_rule: Sequence[RuleCount]
    actions: Sequence[ActionRow]


async def list_actions(
    model: ReadModel,
    *,
    district_id: str,
    who_acts: Mapping[str, str],
    state: ActionState = "open",
    officer: str | None = None,
    overdue: bool | None = None,
    at: datetime | None = None,
    after: ActionKey | None = None,
    limit: int,
) -> Actions | None:
    """None: no such district. `who_acts`: with whom the chain begins, by rule. The open ones with
    the worst first; the done ones with the last closed first.
    """
    snapshot = await model.fetch(
        ACTIONS,
        district_id,
        at,
        orjson.dumps([step.model_dump() for step in DEFAULT_STEPS]).decode(),
        list(OFFICERS),
        list(who_acts),
        list(who_acts.values()),
        state,
        officer,
        overdue,
        *(after or (None, None, None)),
        limit,
    )
    if not snapshot.row["is_known"]:
        return None
    return Actions(
        snapshot,
        snapshot.row["at"],
        [OfficerCount(*counted) for counted in snapshot.loads("by_officer")],
        [RuleCount(*counted) for counted in snapshot.loads("by_rule")],
        [ActionRow(*fields) for fields in snapshot.loads("actions")],
    )
