"""Whatever comes from a facility comes many hours after it happened."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import WHOLE
from projections.reporting import LATE_AFTER

_LATE: Final = f"recorded_at - occurred_at > interval '{LATE_AFTER.total_seconds():.0f} seconds'"
_SINCE: Final = "{now} - make_interval(days => {days})"

REPORTS_LATE: Final = Rule(
    id="reports_late",
    title="All that a facility sends comes late",
    family="compliance",
    about="facility",
    severity="info",
    who_acts="in_charge",
    what_to_do="Let the devices sync each day; type what was given out on the day itself.",
    ends="Something comes within 6 hours, or nothing comes any more.",
    parameters={
        "days": Parameter(default=7, unit="days", meaning="of what was recorded in them"),
        "least_events": Parameter(default=5, unit="events", meaning="fewer say nothing"),
    },
    from_first_count=False,
    on_change=False,
    opens_in_silence=True,
    holds=f"""
        WITH RECURSIVE {WHOLE}
        SELECT root.facility_no, 'info' AS severity, NULL::timestamptz AS began_at,
               jsonb_build_object('events', events, 'last_recorded_at', last_at) AS evidence
        FROM root CROSS JOIN LATERAL (
            SELECT count(*) AS events, max(recorded_at) AS last_at
            FROM member JOIN event USING (facility_no)
            WHERE root_no = root.facility_no AND {_LATE} AND recorded_at >= {_SINCE}
        ) AS late
        WHERE events >= {{least_events}} AND NOT EXISTS (
            SELECT FROM member JOIN event USING (facility_no)
            WHERE root_no = root.facility_no AND recorded_at >= {_SINCE} AND NOT {_LATE}
              AND occurred_at >= {_SINCE} - interval '{LATE_AFTER.total_seconds():.0f} seconds')
    """,
)
