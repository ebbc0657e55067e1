"""The statement that tells which facilities a directive binds, and how each uses the module.

CTEs have no statistics, and where the planner expects a row in each of two it compares all with
all. So what is known of a facility is looked up along an index, each by itself (LIMIT and OFFSET
see to it), and brought together by grouping, never by joining what was found.
"""

from functools import cache
from typing import Final

from projections.queries.turns import paces, turned
from projections.reading import EVERYTHING

LOOK_BACK_DAYS: Final = 60
"""Before its last dispensing, a facility is looked at for having been in use so far back."""

CALENDAR_DAYS: Final = 430

_KNOWN: Final = """recorded_at <= (SELECT known_at FROM moment)
    AND (reversed_at IS NULL OR reversed_at > (SELECT known_at FROM moment))"""

# The days with a prescription, of a facility's from `first_day` to `last_day`. Of all that is known
# now they are kept; what was known is looked up.
_USED_NOW: Final = """
    SELECT day FROM patient_day
    WHERE patient_day.facility_no = asked.facility_no AND day BETWEEN first_day AND last_day
      AND served + served_in_part + sent_away > 0
    OFFSET 0
"""
_USED_THEN: Final = f"""
    SELECT first_day + number AS day
    FROM generate_series(0, last_day - first_day) AS number CROSS JOIN LATERAL (
        SELECT FROM event
        WHERE event.facility_no = asked.facility_no AND type = 'medicine_dispensed' AND {_KNOWN}
          AND occurred_at >= india_midnight(first_day + number)
          AND occurred_at < india_midnight(first_day + number + 1)
        LIMIT 1
    ) AS event
"""

_EVENT: Final = f"""
    SELECT event_id, occurred_at FROM event
    WHERE event.facility_no = member.facility_no AND {_KNOWN} AND {{those}} LIMIT 1
"""
_COUNT: Final = _EVENT.format(
    those="type = 'stock_counted' AND body -> 'complete' = 'true' ORDER BY occurred_at"
)
_RECEIPT: Final = _EVENT.format(those="type = 'stock_received' ORDER BY occurred_at")
_TRANSFER: Final = _EVENT.format(
    those="""type = 'transfer_received' AND body ->> 'from_facility_id' <> ALL (parts)
    ORDER BY occurred_at"""
)
# What was known then had occurred by then, but for clocks that were ahead.
_DISPENSE: Final = _EVENT.format(
    those="""type = 'medicine_dispensed' AND occurred_at <= (SELECT known_at FROM moment) + (
        SELECT coalesce(max(ahead), '0') FROM facility_activity
        WHERE facility_activity.facility_no = member.facility_no)
    ORDER BY occurred_at DESC"""
)

# The bodies of complete counts are large, so where it is kept that there was one, none is read.
_COUNTED_NOW: Final = """
    SELECT FROM facility_state
    WHERE facility_state.facility_no = member.facility_no AND counted_at IS NOT NULL
    OFFSET 0
"""

# An answer is due from when the deadline is over, as by the rule that alerts of it.
_DUE: Final = """
    SELECT 'module_not_active' AS rule, 'critical' AS severity,
           india_midnight(deadline + 1) AS began_at, india_midnight(deadline + 1) AS opened_at,
           NULL::timestamptz AS closed_at, NULL::timestamptz AS acknowledged_at,
           NULL::timestamptz AS snoozed_until,
           asked.district_id AS in_district
    FROM asked CROSS JOIN directive
"""

EVERYWHERE: Final = "($3::text IS NULL) IS NOT NULL"
WITHIN_DISTRICT: Final = "district_id = $3::text"
"""Each with a plan of its own: one for both is guessed wrong."""


@cache
def use_statement(*, is_past: bool, in_district: bool) -> str:
    """Its arguments: the directive, known_at (null: now), the district or null, the facility after
    which the page begins, how many it has, and those of turns.
    """
    used = _USED_THEN if is_past else _USED_NOW
    return f"""
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
    SELECT *, row_number() OVER (ORDER BY facility_id) AS root_no,
           dense_rank() OVER (ORDER BY weekdays, district_id, state, own) AS calendar_no
    FROM (
        SELECT registered.*,
               CASE WHEN facility_id IN (SELECT facility_id FROM closure) THEN facility_id
                    ELSE '' END AS own
        FROM registered JOIN directive ON level = ANY (levels)
           AND (directive.state IS NULL OR registered.state = directive.state)
           AND (NOT body ? 'district_ids' OR body -> 'district_ids' ? district_id)
        WHERE {WITHIN_DISTRICT if in_district else EVERYWHERE}
    ) AS bound
), page AS MATERIALIZED (
    SELECT * FROM root WHERE facility_id > $4 ORDER BY facility_id LIMIT $5
), part AS (
    SELECT root_no, calendar_no, facility_id, level FROM root
    UNION
    SELECT root_no, calendar_no, registered.facility_id, registered.level
    FROM part JOIN registered ON registered.parent_facility_id = part.facility_id
), member AS MATERIALIZED (
    SELECT root_no, calendar_no, facility_id, level, facility_no,
           array_agg(facility_id) OVER (PARTITION BY root_no) AS parts
    FROM part LEFT JOIN facility_number USING (facility_id)
), past_day AS MATERIALIZED (
    SELECT day::date AS day, to_char(day, 'FMday') AS weekday
    FROM moment CROSS JOIN generate_series(
        (today - {CALENDAR_DAYS})::timestamp, (today - 1)::timestamp, interval '1 day') AS day
), open_day AS MATERIALIZED (
    SELECT calendar_no, day,
           row_number() OVER (PARTITION BY calendar_no ORDER BY day DESC) AS number
    FROM (SELECT DISTINCT calendar_no, weekdays, district_id, state, own FROM root) AS calendar
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{{}}') AS closed
        FROM closure
        WHERE coalesce(closure.facility_id, own) = own
          AND coalesce(closure.district_id, calendar.district_id) = calendar.district_id
          AND coalesce(closure.state, calendar.state) = calendar.state
    ) AS shut CROSS JOIN past_day
    WHERE NOT weekdays ? weekday AND NOT closed @> day
), used AS MATERIALIZED (
    SELECT root_no, facility_no, day
    FROM (
        SELECT root_no, calendar_no, facility_no, first_day,
               (SELECT today - 1 FROM moment) AS last_day
        FROM member JOIN (
            SELECT calendar_no, min(day) AS first_day FROM open_day
            WHERE number <= (SELECT of_open_days FROM directive) GROUP BY calendar_no
        ) AS recent USING (calendar_no)
    ) AS asked CROSS JOIN LATERAL ({used}) AS dispensed JOIN open_day USING (calendar_no, day)
), idle AS MATERIALIZED (
    SELECT root_no FROM (
        SELECT root_no, NULL::date AS day FROM root UNION ALL SELECT root_no, day FROM used
    ) AS of_any GROUP BY root_no
    HAVING count(DISTINCT day) < (SELECT used_days FROM directive)
), given AS MATERIALIZED (
    SELECT root_no, facility_id, event_id, occurred_at
    FROM (
        SELECT * FROM member
        WHERE root_no IN (SELECT root_no FROM idle) OR root_no IN (SELECT root_no FROM page)
    ) AS member CROSS JOIN LATERAL ({_DISPENSE}) AS event
), earlier AS MATERIALIZED (
    SELECT DISTINCT root_no, number
    FROM (
        SELECT root_no, member.calendar_no, facility_no, last_day - {LOOK_BACK_DAYS} AS first_day,
               last_day
        FROM (
            SELECT root_no, india_day(max(occurred_at)) AS last_day FROM given
            WHERE root_no IN (SELECT root_no FROM idle) GROUP BY root_no
        ) AS ended JOIN member USING (root_no)
    ) AS asked CROSS JOIN LATERAL ({used}) AS dispensed JOIN open_day USING (calendar_no, day)
), fact AS (
    SELECT root_no, 'bound' AS fact, NULL::date AS day FROM root
    UNION ALL SELECT root_no, 'used', day FROM used
    UNION ALL SELECT root_no, 'given', NULL FROM given
    UNION ALL
    SELECT root_no, 'counted', NULL
    FROM member CROSS JOIN LATERAL ({_COUNT if is_past else _COUNTED_NOW}) AS event
    UNION ALL
    SELECT root_no, 'received', NULL FROM member CROSS JOIN LATERAL ({_RECEIPT}) AS event
    UNION ALL
    SELECT root_no, 'received', NULL FROM member CROSS JOIN LATERAL ({_TRANSFER}) AS event
    UNION ALL
    SELECT root_no, 'was_used', NULL FROM (
        SELECT root_no, lead(number, (SELECT used_days - 1 FROM directive)) OVER (
                   PARTITION BY root_no ORDER BY number) - number AS span
        FROM earlier
    ) AS spread WHERE span < (SELECT of_open_days FROM directive)
), stood AS MATERIALIZED (
    SELECT root_no, bool_or(fact = 'counted') AS counted, bool_or(fact = 'received') AS received,
           bool_or(fact IN ('given', 'used')) AS dispensed, count(DISTINCT day) AS days_used,
           bool_or(fact = 'was_used') AS was_used
    FROM fact GROUP BY root_no
), shown AS MATERIALIZED (
    SELECT * FROM member WHERE root_no IN (SELECT root_no FROM page)
), shown_day AS MATERIALIZED (
    SELECT * FROM used WHERE root_no IN (SELECT root_no FROM page)
), instant AS (
    SELECT at, known_at FROM moment
), {paces("SELECT DISTINCT district_id FROM root", arguments_from=6)}, {turned(_DUE)}
SELECT {EVERYTHING},
    (SELECT json_build_array(body, valid_from, used_days, today)
     FROM directive CROSS JOIN moment) AS directive,
    (SELECT json_agg(json_build_array(
         district_id, counted, received, dispensed, days_used, was_used, facilities))
     FROM (SELECT district_id, counted, received, dispensed, days_used, was_used,
                  count(*) AS facilities
           FROM stood JOIN root USING (root_no)
           GROUP BY district_id, counted, received, dispensed, days_used, was_used) AS alike
    ) AS uses,
    (SELECT json_agg(json_build_array(
         page.facility_id, name, level, district_id,
         (SELECT count(*) FROM shown WHERE root_no = page.root_no AND level = 'COUNTER'),
         (SELECT count(*) FROM shown WHERE root_no = page.root_no AND level = 'COUNTER'
            AND (SELECT count(*) FROM shown_day
                 WHERE (shown_day.root_no, shown_day.facility_no)
                     = (shown.root_no, shown.facility_no))
                >= (SELECT used_days FROM directive)),
         counted, received, dispensed, days_used, was_used,
         {_first(_COUNT)}, {_first(f"({_RECEIPT}) UNION ALL ({_TRANSFER})")},
         (SELECT json_build_array(event_id, facility_id, occurred_at) FROM given
          WHERE root_no = page.root_no ORDER BY occurred_at DESC, event_id DESC LIMIT 1),
         (SELECT json_agg(DISTINCT day) FROM shown_day WHERE root_no = page.root_no)
     ) ORDER BY page.facility_id)
     FROM page JOIN stood USING (root_no)) AS facilities,
    (SELECT json_agg(json_build_array(in_district, state, officer, title))
     FROM turned JOIN asked ON asked.district_id = in_district
     JOIN step ON step.district_id = in_district AND number = turn) AS officers
"""


def _first(events: str) -> str:
    return f"""(
             SELECT json_build_array(event_id, facility_id, occurred_at)
             FROM shown AS member CROSS JOIN LATERAL ({events}) AS event
             WHERE root_no = page.root_no ORDER BY occurred_at, event_id LIMIT 1)"""
