"""Nothing at all is heard of a facility on days on which it is open."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.hospitals import MEMBERS

NOT_REPORTING: Final = Rule(
    id="not_reporting",
    title="A facility is silent",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="district",
    what_to_do="Call it. Is it closed? Enter the closure. Else: power, internet, device, staff?",
    ends="Something recorded comes from it, or a closure says that it was closed.",
    from_first_count=False,
    opens_in_silence=True,
    holds=f"""
        WITH RECURSIVE {MEMBERS}, silence AS (
            SELECT member.facility_no, max(last_recorded_at) AS heard_at,
                   bool_and(coalesce(its.silent, true)) AS silent
            FROM member LEFT JOIN facility_state AS its ON its.facility_no = member_no
            LEFT JOIN facility_activity AS heard ON heard.facility_no = member_no
            GROUP BY member.facility_no
        )
        SELECT facility_no, 'warning' AS severity,
               india_midnight(india_day(heard_at) + 1) AS began_at,
               jsonb_build_object('last_heard_at', heard_at) AS evidence
        FROM silence WHERE silent AND heard_at IS NOT NULL
    """,
)
