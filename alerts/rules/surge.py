"""More patients than usual over a district, which is how an epidemic first shows (EARS C2).

A day's prescriptions against those of the days nine to three days before it: more than their mean
and three sample deviations, and a floor for it, so that a quiet week makes no alarm (Hutwagner et
al., The bioterrorism preparedness and response Early Aberration Reporting System, 2003). Days
without a patient anywhere are none: only OPD days count.
"""

from typing import Final

from alerts.rule import Parameter, Rule

SURGE: Final = Rule(
    id="surge",
    title="Many more patients than usual over a district",
    family="shortage",
    about="district",
    severity="warning",
    who_acts="district",
    what_to_do="Ask the facilities with the most of them what it is; send stock ahead of need.",
    ends="Three days without such a day.",
    on_change=False,
    parameters={
        "deviations": Parameter(
            default=3,
            unit="sample deviations",
            meaning="above the mean of the days before",
            most=100,
        ),
        "floor": Parameter(
            default=10,
            unit="prescriptions a day",
            meaning="the deviation counts as at least this",
            most=10_000,
        ),
        "days": Parameter(
            default=3, unit="days", meaning="the last days that count, but today", most=14
        ),
    },
    holds="""
        WITH counted AS (
            SELECT district_id, day, sum(served + served_in_part + sent_away) AS patients,
                   row_number() OVER (PARTITION BY district_id ORDER BY day) AS nth
            FROM patient_day JOIN facility_state USING (facility_no)
            WHERE day >= india_day({now}) - 30 AND day < india_day({now})
              AND district_id IS NOT NULL
            GROUP BY district_id, day
        ), judged AS (
            SELECT today.district_id, today.day, today.patients, avg(before.patients) AS mean,
                   stddev_samp(before.patients) AS deviation
            FROM counted AS today JOIN counted AS before
              ON before.district_id = today.district_id
             AND before.nth BETWEEN today.nth - 9 AND today.nth - 3
            GROUP BY today.district_id, today.day, today.patients
            HAVING count(*) = 7
        )
        SELECT district_id, NULL::timestamptz AS began_at, 'warning' AS severity,
               jsonb_build_object('day', max(day), 'patients', max(patients),
                                  'usual', round(max(mean))) AS evidence
        FROM judged JOIN area USING (district_id)
        WHERE day >= india_day({now}) - {days}
          AND patients > mean + {deviations} * greatest(deviation, {floor})
        GROUP BY district_id
    """,
)
