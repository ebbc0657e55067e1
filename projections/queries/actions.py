"""What there is to do in a district: its alerts, whose turn each is, the worst first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from projections.queries.surplus import Surplus, nearest_surplus
from projections.queries.turns import paces, turn_arguments, turned
from projections.reading import ALL_TOPICS, ReadModel, Snapshot

ActionState = Literal["open", "done"]

DONE_DAYS: Final = 7
"""For so long what is closed is told as done."""

_HERE: Final = f"""
    SELECT place, alert_id, rule, severity, began_at, opened_at, closed_at, acknowledged_at,
           snoozed_until, $1::text AS in_district
    FROM here JOIN alert USING (facility_no, district_id) CROSS JOIN instant
    WHERE coalesce(closed_at, 'infinity') > at - interval '{DONE_DAYS} days'
"""

# Of the district $1 at the instant $2 (null: now). $3 to $6 is what turns depend on; the nearest
# surplus is told of what rules in $14 found.
ACTIONS: Final = f"""
WITH instant AS MATERIALIZED (
    SELECT coalesce($2::timestamptz, now()) AS at, 'infinity'::timestamptz AS known_at
), {paces("SELECT $1::text AS district_id", arguments_from=3)}, here AS MATERIALIZED (
    SELECT facility_no, '' AS district_id FROM facility_state
    WHERE facility_state.district_id = $1
    UNION ALL SELECT 0, $1
), {turned(_HERE)}, action AS MATERIALIZED (
    SELECT place, alert_id, rule, closed_at IS NULL AS is_open, is_put_off, turn, is_overdue,
           passes_on_at,
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
), {
    nearest_surplus('''
        SELECT facility_no, item_no FROM page JOIN alert USING (place, alert_id)
        WHERE is_open AND alert.rule = ANY ($14::text[])
    ''')
}
SELECT {ALL_TOPICS},
    EXISTS (SELECT FROM district_record WHERE district_id = $1)
        OR EXISTS (SELECT FROM facility_record WHERE district_id = $1) AS is_known,
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
         (SELECT name FROM item WHERE item.item_id = numbered.item_id), nullif(lot, ''),
         nullif(item_class, ''), began_at,
         opened_at, closed_at, acknowledged_at, acknowledged_by, snoozed_until, snoozed_by,
         is_put_off, evidence, officer, title, turn, passes_on_at, is_overdue, urgency, placed,
         CASE WHEN is_open AND alert.rule = ANY ($14) THEN nearest_surplus END
     ) ORDER BY urgency, placed, alert_id)
     FROM page JOIN alert USING (place, alert_id)
     LEFT JOIN nearest USING (facility_no, item_no)
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
    item_class: str | None
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
    nearest_surplus: Surplus | None

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
    local: Collection[str],
    state: ActionState = "open",
    officer: str | None = None,
    overdue: bool | None = None,
    at: datetime | None = None,
    after: ActionKey | None = None,
    limit: int,
) -> Actions | None:
    """None: no such district. `who_acts`: with whom the chain begins, by rule; `local`: rules about
    what a transfer can help. The open ones with the worst first; the done ones with the last closed
    first.
    """
    snapshot = await model.fetch(
        ACTIONS,
        district_id,
        at,
        *turn_arguments(who_acts),
        state,
        officer,
        overdue,
        *(after or (None, None, None)),
        limit,
        list(local),
    )
    if not snapshot.row["is_known"]:
        return None
    return Actions(
        snapshot,
        snapshot.row["at"],
        [OfficerCount(*counted) for counted in snapshot.loads("by_officer")],
        [RuleCount(*counted) for counted in snapshot.loads("by_rule")],
        [
            ActionRow._make((*fields, Surplus(*surplus) if surplus else None))
            for *fields, surplus in snapshot.loads("actions")
        ],
    )
