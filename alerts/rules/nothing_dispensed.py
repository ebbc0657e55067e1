"""A facility is heard of, but nothing has been dispensed on its last open days."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import LAST_DISPENSED, MEMBERS

NOTHING_DISPENSED: Final = Rule(
    id="nothing_dispensed",
    title="Nothing is dispensed, though the facility reports",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="district",
    what_to_do="Ask whether medicines are given out and not entered, or a device has stopped.",
    ends="Something is dispensed, or the facility falls silent or was closed.",
    parameters={
        "open_days": Parameter(default=3, unit="days", meaning="whole days that it was open")
    },
    on_change=False,
    holds=f"""
        WITH RECURSIVE {MEMBERS}, idle AS (
            SELECT facility_no, facility_id, district_id, state, {{open_days}} AS least_days,
                   max(dispensed_at) AS dispensed_at
            FROM member LEFT JOIN LATERAL ({LAST_DISPENSED}) AS given ON true
            GROUP BY facility_no, facility_id, district_id, state, {{open_days}}
            HAVING india_day({{now}}) - india_day(max(dispensed_at)) > {{open_days}}
        )
        SELECT facility_no, 'warning' AS severity,
               india_midnight(india_day(dispensed_at) + 1) AS began_at,
               jsonb_build_object('last_dispensed_at', dispensed_at, 'open_days', open_days)
                 AS evidence
        FROM idle CROSS JOIN LATERAL (
            SELECT body -> 'closed_weekdays' AS closed_weekdays FROM facility_record AS record
            WHERE record.facility_id = idle.facility_id AND valid_from <= {{now}}
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1
        ) AS record
        CROSS JOIN LATERAL (
            SELECT open_days_between(
                india_day(dispensed_at), india_day({{now}}), closed_weekdays,
                closed_time(facility_id, district_id, state, india_day(dispensed_at),
                            india_day({{now}}))) AS open_days
        ) AS calendar
        WHERE open_days >= least_days AND EXISTS (
            SELECT FROM member JOIN facility_state AS its ON its.facility_no = member_no
            WHERE member.facility_no = idle.facility_no AND NOT its.silent)
    """,
    opens_in_silence=True,
)
