"""Who has the module in use as a directive asks, with the events that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from projections.queries.turns import paces, turn_arguments, turned
from projections.reading import EVERYTHING, ReadModel, Snapshot
from projections.standing import Standing, Use, judge_standing

LOOK_BACK_DAYS: Final = 60
"""Before its last dispensing, a facility is looked at for having been in use so far back."""

CALENDAR_DAYS: Final = 430
MISSED: Final = "module_not_active"

_KNOWN: Final = """recorded_at <= (SELECT known_at FROM moment)
    AND (reversed_at IS NULL OR reversed_at > (SELECT known_at FROM moment))"""

# Of all that is known now the days with prescriptions are kept; what was known is looked up.
DAYS_NOW: Final = """
    SELECT facility_no, day FROM patient_day WHERE served + served_in_part + sent_away > 0
"""
DAYS_KNOWN: Final = f"""
    SELECT DISTINCT facility_no, india_day(occurred_at) AS day FROM event
    WHERE type = 'medicine_dispensed' AND {_KNOWN}
      AND facility_no IN (SELECT facility_no FROM member)
      AND occurred_at >= india_midnight((SELECT today FROM moment) - {CALENDAR_DAYS})
"""

# Estimates matter more than usual in what follows: CTEs have no statistics, and where one is
# expected to have a row, each is joined with each. So conditions are such as are guessed well.
# Facility by facility along an index, then the first (or last) of each root's.
_FOUND: Final = f"""
    SELECT DISTINCT ON (root_id) root_id, facility_id, event_id, occurred_at
    FROM {{among}} CROSS JOIN LATERAL (
        SELECT event_id, occurred_at FROM event
        WHERE event.facility_no = member.facility_no AND {{of_type}} AND {_KNOWN}
        ORDER BY occurred_at {{way}} LIMIT 1
    ) AS event
    ORDER BY root_id, occurred_at {{way}}, event_id {{way}}
"""
_COUNTED: Final = _FOUND.format(
    among="member", of_type="type = 'stock_counted' AND body -> 'complete' = 'true'", way=""
)
_RECEIVED: Final = " UNION ALL ".join(
    f"({each})"
    for each in (
        _FOUND.format(among="member", of_type="type = 'stock_received'", way=""),
        _FOUND.format(
            among="member",
            of_type="type = 'transfer_received' AND body ->> 'from_facility_id' <> ALL (parts)",
            way="",
        ),
    )
)
_GIVEN: Final = _FOUND.format(
    among="member JOIN (SELECT facility_id AS root_id FROM judged WHERE days_used < used_days"
    " UNION SELECT facility_id FROM page) AS asked USING (root_id)",
    of_type="type = 'medicine_dispensed'",
    way="DESC",
)

# An answer is due from when the deadline is over, as by the rule that alerts of it.
DUE: Final = f"""
    SELECT '{MISSED}' AS rule, 'critical' AS severity, india_midnight(deadline + 1) AS began_at,
           india_midnight(deadline + 1) AS opened_at, NULL::timestamptz AS closed_at,
           NULL::timestamptz AS acknowledged_at, NULL::timestamptz AS snoozed_until,
           asked.district_id AS in_district
    FROM asked CROSS JOIN directive
"""

STANDING: Final = f"""
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT coalesce($2::timestamptz, now()) AS at, coalesce($2, 'infinity') AS known_at,
           india_day(coalesce($2, now())) AS today
), directive AS MATERIALIZED (
    SELECT directive_record.*,
           ARRAY(SELECT jsonb_array_elements_text(body -> 'levels')) AS levels
    FROM directive_record JOIN moment ON valid_from <= at
    WHERE directive_id = $1 AND directive_record.recorded_at <= known_at
    ORDER BY valid_from DESC, log_offset DESC LIMIT 1
), registered AS MATERIALIZED (
    SELECT DISTINCT ON (facility_id) facility_id, parent_facility_id, name, level, district_id,
           state, coalesce(body -> 'closed_weekdays', '["sunday"]') AS weekdays
    FROM facility_record JOIN moment ON valid_from <= at AND recorded_at <= known_at
    ORDER BY facility_id, valid_from DESC, log_offset DESC
), closure AS MATERIALIZED (
    SELECT * FROM (
        SELECT DISTINCT ON (closure_id) closure_record.*
        FROM closure_record JOIN moment ON valid_from <= at AND recorded_at <= known_at
        ORDER BY closure_id, valid_from DESC, log_offset DESC
    ) AS newest WHERE NOT withdrawn
), root AS MATERIALIZED (
    SELECT registered.*, used_days, of_open_days,
           CASE WHEN facility_id IN (SELECT facility_id FROM closure) THEN facility_id ELSE '' END
             AS own
    FROM registered JOIN directive ON level = ANY (levels)
       AND (directive.state IS NULL OR registered.state = directive.state)
       AND (NOT body ? 'district_ids' OR body -> 'district_ids' ? district_id)
    WHERE {{within}}
), part AS (
    SELECT facility_id AS root_id, facility_id, level FROM root
    UNION
    SELECT root_id, registered.facility_id, registered.level
    FROM part JOIN registered ON registered.parent_facility_id = part.facility_id
), member AS MATERIALIZED (
    SELECT root_id, facility_id, level, facility_no, parts
    FROM part JOIN (
        SELECT root_id, array_agg(facility_id) AS parts FROM part GROUP BY root_id
    ) AS whole USING (root_id)
    LEFT JOIN facility_number USING (facility_id)
), calendar AS MATERIALIZED (
    SELECT row_number() OVER () AS calendar_no, * FROM (
        SELECT DISTINCT weekdays, district_id, state, own FROM root
    ) AS kind
), open_day AS MATERIALIZED (
    SELECT calendar_no, day::date AS day,
           row_number() OVER (PARTITION BY calendar_no ORDER BY day DESC) AS number
    FROM calendar CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{{{{}}}}') AS closed
        FROM closure
        WHERE coalesce(closure.facility_id, own) = own
          AND coalesce(closure.district_id, calendar.district_id) = calendar.district_id
          AND coalesce(closure.state, calendar.state) = calendar.state
    ) AS shut CROSS JOIN moment
    CROSS JOIN generate_series((today - {CALENDAR_DAYS})::timestamp, (today - 1)::timestamp,
                               interval '1 day') AS day
    WHERE NOT weekdays ? to_char(day, 'FMday') AND NOT closed @> day::date
), follows AS MATERIALIZED (
    SELECT facility_id AS root_id, calendar_no
    FROM root JOIN calendar USING (weekdays, district_id, state, own)
), recent AS MATERIALIZED (
    SELECT calendar_no, day FROM open_day JOIN directive ON number <= of_open_days
), dispensed AS NOT MATERIALIZED ({{days}}), used AS MATERIALIZED (
    SELECT root_id, facility_id, day
    FROM (
        SELECT facility_no, day FROM dispensed
        WHERE day >= (SELECT min(day) FROM recent)
    ) AS lately
    JOIN member USING (facility_no) JOIN follows USING (root_id)
    JOIN recent USING (calendar_no, day)
), counter AS MATERIALIZED (
    SELECT root_id, count(*) AS counters,
           count(*) FILTER (WHERE days >= (SELECT used_days FROM directive)) AS active
    FROM member LEFT JOIN (
        SELECT root_id, facility_id, count(*) AS days FROM used GROUP BY root_id, facility_id
    ) AS of_counter USING (root_id, facility_id)
    WHERE level = 'COUNTER' GROUP BY root_id
), counted AS MATERIALIZED ({_COUNTED}), received AS MATERIALIZED (
    SELECT DISTINCT ON (root_id) * FROM ({_RECEIVED}) AS got
    ORDER BY root_id, occurred_at, event_id
), summed AS MATERIALIZED (
    SELECT root_id, count(*) AS days
    FROM (SELECT DISTINCT root_id, day FROM used) AS of_any GROUP BY root_id
), judged AS MATERIALIZED (
    SELECT root.*, coalesce(summed.days, 0) AS days_used
    FROM root LEFT JOIN summed ON root_id = facility_id
), page AS (
    SELECT facility_id FROM root WHERE facility_id > $4 ORDER BY facility_id LIMIT $5
), shown AS MATERIALIZED (
    SELECT root_id, json_agg(DISTINCT day) AS dispensed_on
    FROM used WHERE root_id IN (SELECT facility_id FROM page) GROUP BY root_id
), given AS MATERIALIZED ({_GIVEN}), before AS MATERIALIZED (
    SELECT root_id, bool_or(span < of_open_days) AS was_used FROM (
        SELECT root_id, of_open_days, lead(number, used_days - 1) OVER (
                   PARTITION BY root_id ORDER BY number) - number AS span
        FROM (
            SELECT DISTINCT root_id, used_days, of_open_days, number
            FROM judged JOIN counted ON counted.root_id = judged.facility_id
            JOIN received USING (root_id) JOIN given USING (root_id)
            JOIN member USING (root_id) JOIN follows USING (root_id)
            JOIN open_day USING (calendar_no)
            JOIN dispensed USING (facility_no, day)
            WHERE days_used < used_days
              AND day BETWEEN india_day(given.occurred_at) - {LOOK_BACK_DAYS}
                      AND india_day(given.occurred_at)
        ) AS one
    ) AS spread GROUP BY root_id
), instant AS (
    SELECT at, known_at FROM moment
), {paces("SELECT DISTINCT district_id FROM root", arguments_from=6)}, {turned(DUE)}
SELECT {EVERYTHING},
    (SELECT json_build_array(body, valid_from, today) FROM directive CROSS JOIN moment)
        AS directive,
    (SELECT json_agg(json_build_array(
         judged.facility_id, name, level, district_id, coalesce(counters, 0), coalesce(active, 0),
         days_used, used_days,
         json_build_array(counted.event_id, counted.facility_id, counted.occurred_at),
         json_build_array(received.event_id, received.facility_id, received.occurred_at),
         json_build_array(given.event_id, given.facility_id, given.occurred_at),
         dispensed_on, was_used) ORDER BY judged.facility_id)
     FROM judged LEFT JOIN counter ON counter.root_id = judged.facility_id
     LEFT JOIN counted ON counted.root_id = judged.facility_id
     LEFT JOIN received ON received.root_id = judged.facility_id
     LEFT JOIN given ON given.root_id = judged.facility_id
     LEFT JOIN shown ON shown.root_id = judged.facility_id
     LEFT JOIN before ON before.root_id = judged.facility_id) AS facilities,
    (SELECT json_agg(json_build_array(in_district, state, officer, title))
     FROM turned JOIN asked ON asked.district_id = in_district
     JOIN step ON step.district_id = in_district AND number = turn) AS officers
"""


EVERYWHERE: Final = "($3::text IS NULL) IS NOT NULL"
WITHIN_DISTRICT: Final = "district_id = $3::text"
"""Each with a plan of its own: one for both is guessed wrong."""


class Proof(NamedTuple):
    """An event, and which part of the facility posted it."""

    event_id: str
    facility_id: str
    occurred_at: str


@dataclass(frozen=True, slots=True)
class FacilityStanding:
    """`dispensed_on`: days of those asked for, with a prescription at one of its parts.

    Of the page alone, as is `dispense`, the last one, for those that are in use.
    """

    facility_id: str
    name: str
    level: str
    district_id: str
    counters: int
    counters_active: int
    count: Proof | None
    receipt: Proof | None
    dispense: Proof | None
    dispensed_on: Sequence[str]
    standing: Standing


class Answering(NamedTuple):
    """Who answers for a district: until the deadline is over, with whom it begins."""

    district_id: str
    state: str
    officer: str
    title: str | None


@dataclass(frozen=True, slots=True)
class DirectiveStanding:
    """`directive` as it stands in the log. `facilities`: all that it binds, by id."""

    snapshot: Snapshot
    directive: dict[str, Any]
    today: date
    facilities: list[FacilityStanding]
    officers: list[Answering]


async def find_standing(
    model: ReadModel,
    directive_id: str,
    *,
    known_at: datetime | None = None,
    district_id: str | None = None,
    after: str = "",
    limit: int = 0,
    who_acts: Mapping[str, str],
) -> DirectiveStanding | None:
    """None if there was no such directive. The page asked for has its proofs in full. `who_acts`:
    with whom the chain of command begins, by rule.
    """
    statement = STANDING.format(
        days=DAYS_NOW if known_at is None else DAYS_KNOWN,
        within=EVERYWHERE if district_id is None else WITHIN_DISTRICT,
    )
    snapshot = await model.fetch(
        statement, directive_id, known_at, district_id, after, limit, *turn_arguments(who_acts)
    )
    if snapshot.row["directive"] is None:
        return None
    body, valid_from, today = snapshot.loads("directive")
    return DirectiveStanding(
        snapshot,
        body | {"valid_from": valid_from},
        date.fromisoformat(today),
        [_facility(fields) for fields in snapshot.loads("facilities")],
        [Answering(*fields) for fields in snapshot.loads("officers")],
    )


def _facility(fields: Sequence[Any]) -> FacilityStanding:
    facility_id, name, level, district_id, counters, active, *rest = fields
    days_used, days_asked, count, receipt, dispense, days, before = rest
    use = Use(
        counted=count[0] is not None,
        received=receipt[0] is not None,
        ever_dispensed=bool(days_used) or dispense[0] is not None,
        days_used=days_used,
        days_asked=days_asked,
        was_used_before=bool(before),
    )
    return FacilityStanding(
        facility_id=facility_id,
        name=name,
        level=level,
        district_id=district_id,
        counters=counters,
        counters_active=active,
        count=_proof(count),
        receipt=_proof(receipt),
        dispense=_proof(dispense),
        dispensed_on=days or (),
        standing=judge_standing(use),
    )


def _proof(fields: Sequence[str | None]) -> Proof | None:
    event_id, facility_id, occurred_at = fields
    if event_id is None or facility_id is None or occurred_at is None:
        return None
    return Proof(event_id, facility_id, occurred_at)
