"""What is on the shelves has not been counted for a long time."""

from typing import Final

from alerts.rule import Parameter, Rule

NO_COUNT: Final = Rule(
    id="no_count",
    title="No count for months",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Count the shelves, vital items first, and post the counts.",
    ends="A count is recorded.",
    opens_in_silence=True,
    on_change=False,
    parameters={"days": Parameter(default=90, unit="days", meaning="since the last count")},
    holds="""
        SELECT place.facility_no, 'warning' AS severity,
               last_at + make_interval(days => {days}) AS began_at,
               jsonb_build_object('last_counted_at', last_at) AS evidence
        FROM place CROSS JOIN LATERAL (
            SELECT occurred_at AS last_at FROM event
            WHERE event.facility_no = place.facility_no AND type = 'stock_counted'
              AND reversed_at IS NULL
            ORDER BY occurred_at DESC LIMIT 1
        ) AS latest
        WHERE last_at <= {now} - make_interval(days => {days})
    """,
)
