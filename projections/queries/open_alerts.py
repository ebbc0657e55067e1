"""Open alerts as officers are told of them: what can't wait by rule and district, the rest by day.

Whoever snoozed one isn't reminded of it meanwhile.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from projections.queries.surplus import Surplus, nearest_surplus
from projections.queries.turns import paces, turn_arguments, turned
from projections.reading import EVERYTHING, ReadModel

NAMED: Final = 10
"""How many of a group are named."""

DIGEST_LINES: Final = 40

OPEN: Final = """
    SELECT alert_id, rule, severity, began_at, opened_at, closed_at, acknowledged_at, snoozed_until,
           facility_no, item_no,
           coalesce(nullif(alert.district_id, ''), place.district_id, '') AS in_district,
           facility_id, item_id, nullif(lot, '') AS lot, nullif(item_class, '') AS item_class
    FROM alert
    LEFT JOIN facility_state AS place USING (facility_no)
    LEFT JOIN facility_number USING (facility_no) LEFT JOIN item_number USING (item_no)
    WHERE closed_at IS NULL AND coalesce(snoozed_until <= now(), true)
"""
ABOUT: Final = """json_build_array(
    one.facility_id, (SELECT name FROM facility WHERE facility.facility_id = one.facility_id),
    one.item_id, (SELECT name FROM item WHERE item.item_id = one.item_id), one.lot, one.item_class,
    one.began_at)"""
DISTRICT_NAME: Final = "(SELECT name FROM district WHERE district.district_id = {of}.in_district)"
INSTANT: Final = """
    instant AS MATERIALIZED (
        SELECT coalesce({at}::timestamptz, now()) AS at, 'infinity'::timestamptz AS known_at
    )
"""

# Rules in $1 are told one by one, unless those are more than $2; others by rule and district, those
# in $8 without what a shortage over the district covers, as a group names no item by which
# Alertmanager could mute it. Turns are those of the instant $3 (null: now), and depend on $4 to $7.
PRESSING: Final = f"""
WITH {INSTANT.format(at="$3")}, found AS MATERIALIZED ({OPEN} AND severity = 'critical'),
{paces("SELECT DISTINCT in_district AS district_id FROM found", arguments_from=4)},
{turned("SELECT * FROM found")}, pressing AS MATERIALIZED (
    SELECT turned.*, officer, title, rule = ANY ($1::text[])
              AND count(*) FILTER (WHERE rule = ANY ($1)) OVER () <= $2 AS is_alone
    FROM turned JOIN step ON step.district_id = in_district AND number = turn
), covered AS MATERIALIZED (
    SELECT district_id, item_no FROM alert
    WHERE rule = 'district_shortage' AND closed_at IS NULL AND severity = 'critical'
), gathered AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY rule, in_district ORDER BY began_at, alert_id)
                AS place
    FROM pressing
    WHERE NOT is_alone AND NOT (
        rule = ANY ($8::text[]) AND (in_district, item_no) IN (SELECT * FROM covered))
), grouped AS (
    SELECT rule, in_district, count(*) AS alerts, count(DISTINCT facility_no) AS facilities,
           min(opened_at) AS opened_at,
           json_agg({ABOUT} ORDER BY place) FILTER (WHERE place <= {NAMED}) AS named
    FROM gathered AS one GROUP BY rule, in_district ORDER BY 3 DESC, rule, in_district LIMIT $2
), whose AS (
    SELECT rule, in_district, json_agg(json_build_array(officer, title, count) ORDER BY turn)
               AS turns
    FROM (SELECT rule, in_district, turn, officer, title, count(*)
          FROM gathered GROUP BY rule, in_district, turn, officer, title) AS counted
    GROUP BY rule, in_district
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         alert_id, rule, in_district, {DISTRICT_NAME.format(of="one")}, opened_at, {ABOUT},
         json_build_array(officer, title, passes_on_at)))
     FROM pressing AS one WHERE is_alone) AS singles,
    (SELECT json_agg(json_build_array(
         rule, in_district, {DISTRICT_NAME.format(of="grouped")}, alerts, facilities, opened_at,
         named, turns))
     FROM grouped JOIN whose USING (rule, in_district)) AS groups
"""

DISTRICTS: Final = f"""
SELECT {EVERYTHING}, (SELECT json_agg(district ORDER BY district) FROM (
    SELECT coalesce(district_id, '') AS district FROM facility_state
    UNION SELECT district_id FROM alert WHERE facility_no = 0 AND closed_at IS NULL
) AS told) AS districts
"""

# Of the district $1: what had been opened by the instant $2, as turns are then. A digest a facility
# and officer whose turn it is; of what is about the district, one an officer. If there were more
# than $3, all are put together by officer. $4 to $7 is what turns depend on; the nearest surplus is
# told of what rules in $8 found.
DIGESTS: Final = f"""
WITH {INSTANT.format(at="$2")},
{paces("SELECT $1::text AS district_id", arguments_from=4)}, place AS MATERIALIZED (
    SELECT facility_no, facility_id,
           (SELECT name FROM facility WHERE facility.facility_id = known.facility_id) AS name
    FROM facility_state JOIN facility_number AS known USING (facility_no)
    WHERE coalesce(district_id, '') = $1
), product AS MATERIALIZED (
    SELECT item_no, item_id, name FROM item_number LEFT JOIN item USING (item_id)
), {
    turned('''
        SELECT alert_id, rule, severity, began_at, opened_at, closed_at, acknowledged_at,
               snoozed_until, facility_no, item_no, nullif(lot, '') AS lot,
               nullif(item_class, '') AS item_class, $1 AS in_district
        FROM alert
        WHERE closed_at IS NULL AND severity <> 'critical' AND opened_at <= $2
          AND coalesce(snoozed_until <= now(), true)
          AND facility_no = ANY (ARRAY(SELECT facility_no FROM place) || 0)
          AND (facility_no <> 0 OR alert.district_id = $1)
    ''')
}, waiting AS MATERIALIZED (
    SELECT turned.*, officer, title, facility_id, place.name AS facility_name, item_id,
           product.name AS item_name
    FROM turned JOIN step ON number = turn
    LEFT JOIN place USING (facility_no) LEFT JOIN product USING (item_no)
), counted AS (
    SELECT count(*) AS digests FROM (SELECT DISTINCT facility_no, turn FROM waiting) AS wanted
), line AS (
    SELECT waiting.*, told_at, told_name,
           row_number() OVER (PARTITION BY turn, told_at
                              ORDER BY severity DESC, began_at, alert_id) AS place
    FROM waiting CROSS JOIN counted
    CROSS JOIN LATERAL (SELECT CASE WHEN digests <= $3 THEN facility_id END AS told_at,
                               CASE WHEN digests <= $3 THEN facility_name END AS told_name) AS whose
), {
    nearest_surplus(f'''
        SELECT facility_no, item_no FROM line
        WHERE rule = ANY ($8::text[]) AND place <= {DIGEST_LINES}
    ''')
}, digest AS (
    SELECT told_at, told_name, turn, officer, title, count(*) AS alerts,
           json_agg(json_build_array(rule, json_build_array(
               facility_id, facility_name, item_id, item_name, lot, item_class, began_at),
               is_overdue, CASE WHEN rule = ANY ($8) THEN nearest_surplus END)
               ORDER BY place) FILTER (WHERE place <= {DIGEST_LINES}) AS lines
    FROM line LEFT JOIN nearest USING (facility_no, item_no)
    GROUP BY told_at, told_name, turn, officer, title
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         $1, (SELECT name FROM district WHERE district_id = $1), told_at, told_name, officer, title,
         alerts, lines) ORDER BY told_at, turn)
     FROM digest) AS digests
"""

CHANGE: Final = f"""
SELECT {EVERYTHING}, coalesce(sum(next_offset), 0)::bigint AS change
FROM position WHERE topic = 'alert-events'
"""


class About(NamedTuple):
    """What an alert is about. Without `facility_id` it is the district."""

    facility_id: str | None
    facility_name: str | None
    item_id: str | None
    item_name: str | None
    lot: str | None
    item_class: str | None
    began_at: str


class Turn(NamedTuple):
    """Whose turn it is, as the chain calls them, and when it passes on; null: never."""

    officer: str
    title: str | None
    passes_on_at: str | None


class Turns(NamedTuple):
    """How many of a group are whose."""

    officer: str
    title: str | None
    alerts: int


class Single(NamedTuple):
    alert_id: str
    rule: str
    district: str
    district_name: str | None
    opened_at: str
    about: About
    turn: Turn


class Group(NamedTuple):
    """Alerts of one rule in a district; `named` are the first; `turns` from the facility up."""

    rule: str
    district: str
    district_name: str | None
    alerts: int
    facilities: int
    opened_at: str
    named: list[About]
    turns: list[Turns]


class Line(NamedTuple):
    """`is_overdue`: an officer let it go by. `surplus`: the nearest in the district, of what a
    transfer can help.
    """

    rule: str
    about: About
    is_overdue: bool
    surplus: Surplus | None


class Digest(NamedTuple):
    """What it is an officer's turn to do at a facility, or in the district; `alerts` is how many
    there are.
    """

    district: str
    district_name: str | None
    facility_id: str | None
    facility_name: str | None
    officer: str
    title: str | None
    alerts: int
    lines: list[Line]


async def find_pressing(
    model: ReadModel,
    *,
    alone: Collection[str],
    local: Collection[str],
    who_acts: Mapping[str, str],
    most: int,
    at: datetime | None = None,
) -> tuple[list[Single], list[Group]]:
    """Critical alerts: those of the rules in `alone` one by one, unless they are more than `most`;
    the others by rule and district. Nothing is said in a group of what a rule in `local` found
    where the item is out over the district. `who_acts`: with whom the chain of command begins, by
    rule.
    """
    snapshot = await model.fetch(
        PRESSING, list(alone), most, at, *turn_arguments(who_acts), list(local)
    )
    singles = [
        Single._make((*told, About(*about), Turn(*turn)))
        for *told, about, turn in snapshot.loads("singles")
    ]
    groups = [
        Group._make((*told, [About(*one) for one in named], [Turns(*one) for one in turns]))
        for *told, named, turns in snapshot.loads("groups")
    ]
    return singles, groups


async def list_alerting_districts(model: ReadModel) -> list[str]:
    """All that may have something to tell; '' for what is of none."""
    districts: list[str] = (await model.fetch(DISTRICTS)).loads("districts")
    return districts


async def list_digests(
    model: ReadModel,
    district: str,
    *,
    at: datetime,
    local: Collection[str],
    who_acts: Mapping[str, str],
    most: int,
) -> list[Digest]:
    """A district's alerts that can wait and had been opened by that instant, by whose turn they are
    then. `local` and `who_acts` as in `find_pressing`.
    """
    snapshot = await model.fetch(
        DIGESTS, district, at, most, *turn_arguments(who_acts), list(local)
    )
    return [
        Digest._make(
            (
                *told,
                [
                    Line(rule, About(*about), is_overdue, Surplus(*near) if near else None)
                    for rule, about, is_overdue, near in lines
                ],
            )
        )
        for *told, lines in snapshot.loads("digests")
    ]


async def find_change(model: ReadModel) -> int:
    """A number that is another one when something happened to an alert."""
    change: int = (await model.fetch(CHANGE)).row["change"]
    return change
