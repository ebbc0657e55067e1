"""Prescriptions bear times that no counter works at: many in one minute."""

from typing import Final

from alerts.rule import Parameter, Rule

ENTERED_IN_A_LUMP: Final = Rule(
    id="entered_in_a_lump",
    title="Dispensing is entered in a lump",
    family="compliance",
    about="facility",
    severity="info",
    who_acts="district",
    what_to_do="Ask how prescriptions are entered. Each should go in when it is served, or be typed"
    " later with the time at which it was.",
    ends="For a week no minute has had so many.",
    from_first_count=False,
    opens_in_silence=True,
    on_change=False,
    parameters={
        "days": Parameter(default=7, unit="days", meaning="back from now"),
        "prescriptions": Parameter(
            default=20, unit="prescriptions", meaning="with one minute for when they were served"
        ),
    },
    holds="""
        SELECT facility_no, 'info' AS severity, min(minute) AS began_at,
               jsonb_build_object('lumps', count(*), 'largest', max(prescriptions),
                   'largest_at', (array_agg(minute ORDER BY prescriptions DESC, minute))[1],
                   'recorded_late', bool_or(is_late)) AS evidence
        FROM (
            SELECT facility_no, date_trunc('minute', occurred_at) AS minute,
                   count(*) AS prescriptions,
                   bool_or(recorded_at - occurred_at > interval '1 hour') AS is_late
            FROM place JOIN event USING (facility_no)
            WHERE type = 'medicine_dispensed' AND reversed_at IS NULL
              AND occurred_at >= {now} - make_interval(days => {days})
            GROUP BY facility_no, date_trunc('minute', occurred_at)
            HAVING count(*) >= {prescriptions}
        ) AS lump
        GROUP BY facility_no
    """,
)
