"""Whatever comes from a facility comes many hours after it happened."""

from datetime import timedelta
from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import MEMBERS
from projections.reporting import LATE_AFTER

_HOURS: Final = LATE_AFTER // timedelta(hours=1)
_LATE: Final = "recorded_at - occurred_at > make_interval(hours => {hours})"
_LISTED: Final = f"recorded_at - occurred_at > interval '{_HOURS} hours'"
"""Those have an index: no threshold may ask for fewer hours."""

_SINCE: Final = "{now} - make_interval(days => {days})"

REPORTS_LATE: Final = Rule(
    id="reports_late",
    title="All that a facility sends comes late",
    family="compliance",
    about="facility",
    severity="info",
    who_acts="in_charge",
    what_to_do="Let the devices sync each day; type what was given out on the day itself.",
    ends="Something comes in time, or nothing comes any more.",
    parameters={
        "days": Parameter(default=7, unit="days", meaning="of what was recorded in them"),
        "least_events": Parameter(default=5, unit="events", meaning="fewer say nothing"),
        "hours": Parameter(
            default=_HOURS,
            unit="hours",
            meaning="after it happened, from which on something is late",
            least=_HOURS,
            most=168,
        ),
    },
    from_first_count=False,
    on_change=False,
    opens_in_silence=True,
    holds=f"""
        WITH RECURSIVE {MEMBERS}
        SELECT facility_no, 'info' AS severity, NULL::timestamptz AS began_at,
               jsonb_build_object('events', events, 'last_recorded_at', last_at) AS evidence
        FROM (
            SELECT facility_no, sum(events) AS events, max(last_at) AS last_at
            FROM member CROSS JOIN LATERAL (
                SELECT count(*) AS events, max(recorded_at) AS last_at FROM event
                WHERE event.facility_no = member_no AND {_LISTED} AND {_LATE}
                  AND recorded_at >= {_SINCE}
            ) AS of_member
            GROUP BY facility_no, {{least_events}} HAVING sum(events) >= {{least_events}}
        ) AS late
        WHERE NOT EXISTS (
            SELECT FROM member CROSS JOIN LATERAL (
                SELECT FROM event
                WHERE event.facility_no = member_no AND recorded_at >= {_SINCE} AND NOT {_LATE}
                  AND occurred_at >= {_SINCE} - make_interval(hours => {{hours}})
                LIMIT 1
            ) AS prompt WHERE member.facility_no = late.facility_no)
    """,
)
