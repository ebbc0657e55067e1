"""Nothing at all is heard of a facility on days on which it is open."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import MEMBERS
from projections.figures.places import SILENT_OPEN_DAYS

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
    parameters={
        "open_days": Parameter(
            default=SILENT_OPEN_DAYS, unit="days", meaning="whole days that it was open", most=30
        )
    },
    # After so many days as make a facility silent for its figures, that is known already; after
    # others, days are counted by the calendar of the whole.
    holds=f"""
        WITH RECURSIVE {MEMBERS}, silence AS (
            SELECT member.facility_no, member.facility_id, max(last_recorded_at) AS heard_at,
                   bool_and(coalesce(its.silent, true)) AS silent, {{open_days}} AS open_days
            FROM member LEFT JOIN facility_state AS its ON its.facility_no = member_no
            LEFT JOIN facility_activity AS heard ON heard.facility_no = member_no
            GROUP BY member.facility_no, member.facility_id, {{open_days}}
        )
        SELECT facility_no, 'warning' AS severity,
               india_midnight(india_day(heard_at) + 1) AS began_at,
               jsonb_build_object('last_heard_at', heard_at) AS evidence
        FROM silence
        WHERE heard_at IS NOT NULL AND CASE WHEN open_days = {SILENT_OPEN_DAYS} THEN silent ELSE (
            SELECT open_days_between(
                       india_day(heard_at), india_day({{now}}), body -> 'closed_weekdays',
                       closed_time(record.facility_id, district_id, state, india_day(heard_at),
                                   india_day({{now}}))) >= open_days
            FROM facility_record AS record
            WHERE record.facility_id = silence.facility_id AND valid_from <= {{now}}
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1) END
    """,
)
