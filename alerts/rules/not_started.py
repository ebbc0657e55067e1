"""A facility that hasn't made a complete count yet: nothing can be said of its stock."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.hospitals import MEMBERS

NOT_STARTED: Final = Rule(
    id="not_started",
    title="No complete count yet",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Count every shelf once and post it as a complete count; stock is known from then.",
    ends="The first complete count of the facility, or of a part of it, is recorded.",
    from_first_count=False,
    opens_in_silence=True,
    holds=f"""
        WITH RECURSIVE {MEMBERS}, begun AS (
            SELECT member.facility_no, member.facility_id, max(last_recorded_at) AS heard_at
            FROM member LEFT JOIN facility_state AS its ON its.facility_no = member_no
            LEFT JOIN facility_activity AS heard ON heard.facility_no = member_no
            GROUP BY member.facility_no, member.facility_id
            HAVING count(its.counted_at) = 0
        )
        SELECT facility_no, 'warning' AS severity, registered_at AS began_at,
               jsonb_build_object('last_heard_at', heard_at) AS evidence
        FROM begun CROSS JOIN LATERAL (
            SELECT min(recorded_at) AS registered_at FROM facility_record AS record
            WHERE record.facility_id = begun.facility_id
        ) AS record
    """,
)
