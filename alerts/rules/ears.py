"""EARS C2: more on a day than usual, which is how an epidemic first shows.

A day's prescriptions against those of the days nine to three days before it: more than their mean
and three sample deviations (Hutwagner et al., The bioterrorism preparedness and response Early
Aberration Reporting System, 2003). Of a district, OPD days alone count: those with a patient on
which at least half of its facilities are open by their calendars. Emergencies come on others, too.

So that a quiet week makes no alarm, a deviation counts as at least a floor, and as at least the
square root of the mean, by which counts scatter by chance alone.
"""

from collections.abc import Mapping
from typing import Final

from alerts.rule import Parameter

LOOK_BACK_DAYS: Final = 45


def parameters(*, least: int, floor: int) -> Mapping[str, Parameter]:
    return {
        "least": Parameter(
            default=least, unit="prescriptions a day", meaning="fewer are no surge", most=10**6
        ),
        "deviations": Parameter(
            default=3,
            unit="sample deviations",
            meaning="above the mean of the days before",
            most=100,
        ),
        "floor": Parameter(
            default=floor,
            unit="prescriptions a day",
            meaning="the deviation counts as at least this",
            most=10_000,
        ),
        "days": Parameter(
            default=3, unit="days", meaning="the last days that count, but today", most=14
        ),
    }


# Facilities that are closed on the same days are one calendar; one with closures has its own.
_OPEN_DAYS: Final = f"""
    closure AS MATERIALIZED (
        SELECT * FROM (
            SELECT DISTINCT ON (closure_id) * FROM closure_record WHERE valid_from <= {{now}}
            ORDER BY closure_id, valid_from DESC, log_offset DESC
        ) AS newest
        WHERE NOT withdrawn AND last_day >= india_day({{now}}) - {LOOK_BACK_DAYS}
    ), calendar AS MATERIALIZED (
        SELECT district_id, state, weekdays, own, count(*) AS facilities
        FROM facility_state JOIN facility_number USING (facility_no) CROSS JOIN LATERAL (
            SELECT coalesce(body -> 'closed_weekdays', '["sunday"]') AS weekdays,
                   CASE WHEN facility_id IN (SELECT facility_id FROM closure) THEN facility_id
                        ELSE '' END AS own
            FROM facility_record AS record
            WHERE record.facility_id = facility_number.facility_id AND valid_from <= {{now}}
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1
        ) AS record
        WHERE district_id IS NOT NULL GROUP BY district_id, state, weekdays, own
    ), open_day AS MATERIALIZED (
        SELECT district_id, day::date AS day
        FROM calendar CROSS JOIN LATERAL (
            SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{{{{}}}}') AS closed
            FROM closure
            WHERE coalesce(closure.facility_id, own) = own
              AND coalesce(closure.district_id, calendar.district_id) = calendar.district_id
              AND coalesce(closure.state, calendar.state) = calendar.state
        ) AS shut
        CROSS JOIN generate_series((india_day({{now}}) - {LOOK_BACK_DAYS})::timestamp,
                                   (india_day({{now}}) - 1)::timestamp, interval '1 day') AS day
        GROUP BY district_id, day
        HAVING 2 * sum(facilities) FILTER (
                   WHERE NOT weekdays ? to_char(day, 'FMday') AND NOT closed @> day::date)
               >= sum(facilities)
    )
"""

# Patients are summed up before days are left out: days are few, and not to be looked up one by one.
OPD_DAYS: Final = f"""
    {_OPEN_DAYS}, attended AS MATERIALIZED (
        SELECT district_id, day, sum(served + served_in_part + sent_away) AS patients
        FROM patient_day JOIN facility_state USING (facility_no)
        WHERE day >= india_day({{now}}) - {LOOK_BACK_DAYS} AND day < india_day({{now}})
          AND district_id IS NOT NULL
        GROUP BY district_id, day
    ), opd AS MATERIALIZED (
        SELECT district_id, day, patients,
               row_number() OVER (PARTITION BY district_id ORDER BY day) AS nth,
               row_number() OVER (PARTITION BY district_id ORDER BY day DESC) AS back
        FROM attended JOIN open_day USING (district_id, day) WHERE patients > 0
    )
"""

PRESCRIBED: Final = """
    prescribed AS MATERIALIZED (
        SELECT district_id, item_no, day, sum(prescriptions) AS prescriptions
        FROM consumption_day JOIN facility_state USING (facility_no)
        WHERE day >= (SELECT min(day) FROM opd WHERE back <= 9 + (SELECT max({days}) FROM area))
          AND day < india_day({now}) AND prescriptions > 0 AND district_id IS NOT NULL
        GROUP BY district_id, item_no, day
    )
"""
"""After `OPD_DAYS`: what was prescribed of an item on the days that may be needed."""


def surges(counted: str) -> str:
    """A SELECT of district_id, key, evidence (day, prescriptions, usual) of what surges.

    `counted` is a relation with district_id, key, day and prescriptions; a day without a row is one
    with none. `opd` and the parameters' names are as above.
    """
    return f"""
        SELECT district_id, key, jsonb_build_object(
                   'day', (array_agg(day ORDER BY prescriptions DESC, day))[1],
                   'prescriptions', max(prescriptions), 'usual', round(max(mean))) AS evidence
        FROM (
            SELECT district_id, key, day, nth, prescriptions,
                   coalesce(sum(prescriptions) OVER week, 0) / 7.0 AS mean,
                   coalesce(sum(prescriptions * prescriptions) OVER week, 0) AS squares
            FROM {counted} AS counted JOIN opd USING (district_id, day)
            WINDOW week AS (PARTITION BY district_id, key ORDER BY nth
                            RANGE BETWEEN 9 PRECEDING AND 3 PRECEDING)
        ) AS compared JOIN area USING (district_id)
        WHERE nth > 9 AND day >= india_day({{now}}) - {{days}} AND prescriptions >= {{least}}
          AND prescriptions > mean + {{deviations}} * greatest(
              sqrt(greatest(0, squares - 7 * mean * mean) / 6), {{floor}}, sqrt(mean))
        GROUP BY district_id, key
    """
