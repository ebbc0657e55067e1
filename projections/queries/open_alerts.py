"""Open alerts as officers are told of them: what can't wait by rule and district, the rest by day.

Whoever snoozed one isn't reminded of it meanwhile.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from projections.reading import EVERYTHING, ReadModel

NAMED: Final = 10
"""How many of a group are named."""

DIGEST_LINES: Final = 40

OPEN: Final = """
    SELECT alert_id, rule, severity, began_at, opened_at, facility_no, item_no,
           coalesce(nullif(alert.district_id, ''), place.district_id, '') AS district,
           facility_id, item_id, nullif(lot, '') AS lot
    FROM alert
    LEFT JOIN facility_state AS place USING (facility_no)
    LEFT JOIN facility_number USING (facility_no) LEFT JOIN item_number USING (item_no)
    WHERE closed_at IS NULL AND coalesce(snoozed_until <= now(), true)
"""
ABOUT: Final = """json_build_array(
    one.facility_id, (SELECT name FROM facility WHERE facility.facility_id = one.facility_id),
    one.item_id, (SELECT name FROM item WHERE item.item_id = one.item_id), one.lot, one.began_at)"""
DISTRICT_NAME: Final = "(SELECT name FROM district WHERE district.district_id = {of}.district)"

# Rules in $1 are told one by one, unless those are more than $2; others by rule and district.
PRESSING: Final = f"""
WITH pressing AS MATERIALIZED (
    SELECT *, rule = ANY ($1::text[])
              AND count(*) FILTER (WHERE rule = ANY ($1)) OVER () <= $2 AS is_alone
    FROM ({OPEN} AND severity = 'critical') AS one
), gathered AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY rule, district ORDER BY began_at, alert_id) AS number
    FROM pressing WHERE NOT is_alone
), grouped AS (
    SELECT rule, district, count(*) AS alerts, count(DISTINCT facility_no) AS facilities,
           min(opened_at) AS opened_at,
           json_agg({ABOUT} ORDER BY number) FILTER (WHERE number <= {NAMED}) AS named
    FROM gathered AS one GROUP BY rule, district ORDER BY 3 DESC, rule, district LIMIT $2
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         alert_id, rule, district, {DISTRICT_NAME.format(of="one")}, opened_at, {ABOUT}))
     FROM pressing AS one WHERE is_alone) AS singles,
    (SELECT json_agg(json_build_array(
         rule, district, {DISTRICT_NAME.format(of="grouped")}, alerts, facilities, opened_at,
         named))
     FROM grouped) AS groups
"""

DISTRICTS: Final = f"""
SELECT {EVERYTHING}, (SELECT json_agg(district ORDER BY district) FROM (
    SELECT coalesce(district_id, '') AS district FROM facility_state
    UNION SELECT district_id FROM alert WHERE facility_no = 0 AND closed_at IS NULL
) AS told) AS districts
"""

# Of the district $4. $1 and $2: each rule's officer. A digest a facility and officer; of what is
# about the district, one an officer. If there were more than $3, all are put together by officer.
DIGESTS: Final = f"""
WITH place AS MATERIALIZED (
    SELECT facility_no, facility_id,
           (SELECT name FROM facility WHERE facility.facility_id = known.facility_id) AS name
    FROM facility_state JOIN facility_number AS known USING (facility_no)
    WHERE coalesce(district_id, '') = $4::text
), product AS MATERIALIZED (
    SELECT item_no, item_id, name FROM item_number LEFT JOIN item USING (item_id)
), waiting AS MATERIALIZED (
    SELECT alert_id, rule, severity, began_at, facility_no, facility_id,
           place.name AS facility_name, item_id, product.name AS item_name, nullif(lot, '') AS lot,
           coalesce(officer, 'in_charge') AS acts
    FROM alert LEFT JOIN place USING (facility_no) LEFT JOIN product USING (item_no)
    LEFT JOIN unnest($1::text[], $2::text[]) AS acting (rule, officer) USING (rule)
    WHERE closed_at IS NULL AND severity <> 'critical' AND coalesce(snoozed_until <= now(), true)
      AND facility_no = ANY (ARRAY(SELECT facility_no FROM place) || 0)
      AND (facility_no <> 0 OR alert.district_id = $4)
), counted AS (
    SELECT count(*) AS digests FROM (SELECT DISTINCT facility_no, acts FROM waiting) AS wanted
), line AS (
    SELECT waiting.*, told_at, told_name,
           row_number() OVER (PARTITION BY acts, told_at
                              ORDER BY severity DESC, began_at, alert_id) AS number
    FROM waiting CROSS JOIN counted
    CROSS JOIN LATERAL (SELECT CASE WHEN digests <= $3 THEN facility_id END AS told_at,
                               CASE WHEN digests <= $3 THEN facility_name END AS told_name) AS whose
), digest AS (
    SELECT told_at, told_name, acts, count(*) AS alerts,
           json_agg(json_build_array(rule, json_build_array(
               facility_id, facility_name, item_id, item_name, lot, began_at)) ORDER BY number)
               FILTER (WHERE number <= {DIGEST_LINES}) AS lines
    FROM line GROUP BY told_at, told_name, acts
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         $4, (SELECT name FROM district WHERE district_id = $4), told_at, told_name, acts, alerts,
         lines) ORDER BY told_at, acts)
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
    began_at: str


class Single(NamedTuple):
    alert_id: str
    rule: str
    district: str
    district_name: str | None
    opened_at: str
    about: About


class Group(NamedTuple):
    """Alerts of one rule in a district; `named` are the first."""

    rule: str
    district: str
    district_name: str | None
    alerts: int
    facilities: int
    opened_at: str
    named: list[About]


class Digest(NamedTuple):
    """What an officer has to do at a facility, or in the district; `lines` are rules and subjects,
    `alerts` how many there are.
    """

    district: str
    district_name: str | None
    facility_id: str | None
    facility_name: str | None
    officer: str
    alerts: int
    lines: list[tuple[str, About]]


async def find_pressing(
    model: ReadModel, *, alone: Collection[str], most: int
) -> tuple[list[Single], list[Group]]:
    """Critical alerts: those of the rules in `alone` one by one, unless they are more than `most`;
    the others by rule and district.
    """
    snapshot = await model.fetch(PRESSING, list(alone), most)
    singles = [
        Single(alert_id, rule, district, name, opened_at, About(*about))
        for alert_id, rule, district, name, opened_at, about in snapshot.loads("singles")
    ]
    groups = [
        Group(rule, district, name, alerts, facilities, opened_at, [About(*one) for one in named])
        for rule, district, name, alerts, facilities, opened_at, named in snapshot.loads("groups")
    ]
    return singles, groups


async def list_alerting_districts(model: ReadModel) -> list[str]:
    """All that may have something to tell; '' for what is of none."""
    districts: list[str] = (await model.fetch(DISTRICTS)).loads("districts")
    return districts


async def list_digests(
    model: ReadModel, district: str, *, officers: Mapping[str, str], most: int
) -> list[Digest]:
    """A district's alerts that can wait. `officers`: who acts, by rule."""
    snapshot = await model.fetch(DIGESTS, list(officers), list(officers.values()), most, district)
    return [
        Digest(
            of,
            name,
            facility_id,
            facility_name,
            officer,
            alerts,
            [(rule, About(*about)) for rule, about in lines],
        )
        for of, name, facility_id, facility_name, officer, alerts, lines in snapshot.loads(
            "digests"
        )
    ]


async def find_change(model: ReadModel) -> int:
    """A number that is another one when something happened to an alert."""
    change: int = (await model.fetch(CHANGE)).row["change"]
    return change
