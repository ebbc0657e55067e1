"""Medicines are given out, and nothing was ever received, or not for weeks."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import LAST_DISPENSED, MEMBERS

_FIRST_DISPENSED: Final = """
    SELECT occurred_at AS first_at FROM event
    WHERE event.facility_no = member_no AND type = 'medicine_dispensed' AND reversed_at IS NULL
    ORDER BY occurred_at LIMIT 1
"""
# What one part of a facility sent to another came from nowhere else.
_LAST_RECEIVED: Final = """
    SELECT occurred_at AS received_at FROM event
    WHERE event.facility_no = member_no AND type IN ('stock_received', 'transfer_received')
      AND reversed_at IS NULL
      AND (member.facility_no, coalesce(body ->> 'from_facility_id', '')) NOT IN (
          SELECT its.facility_no, its.member_id FROM member AS its)
    ORDER BY occurred_at DESC LIMIT 1
"""

RECEIPTS_NOT_RECORDED: Final = Rule(
    id="receipts_not_recorded",
    title="It dispenses and records no receipts",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Enter each delivery from its challan, with lots and expiry; transfers by their id.",
    ends="A receipt from outside is recorded, or nothing has been dispensed for a week.",
    from_first_count=False,
    opens_in_silence=True,
    on_change=False,
    parameters={
        "days": Parameter(default=30, unit="days", meaning="without a receipt"),
        "dispensing_days": Parameter(default=7, unit="days", meaning="it has dispensed in them"),
    },
    holds=f"""
        WITH RECURSIVE {MEMBERS}
        SELECT facility_no, 'warning' AS severity, due_at AS began_at,
               jsonb_build_object('last_received_at', received_at, 'last_dispensed_at',
                                  dispensed_at) AS evidence
        FROM (
            SELECT facility_no, max(received_at) AS received_at, max(dispensed_at) AS dispensed_at,
                   coalesce(max(received_at), min(first_at)) + make_interval(days => {{days}})
                     AS due_at
            FROM member LEFT JOIN LATERAL ({LAST_DISPENSED}) AS given ON true
            LEFT JOIN LATERAL ({_FIRST_DISPENSED}) AS begun ON true
            LEFT JOIN LATERAL ({_LAST_RECEIVED}) AS got ON true
            GROUP BY facility_no, {{days}}, {{dispensing_days}}
            HAVING max(dispensed_at) > {{now}} - make_interval(days => {{dispensing_days}})
        ) AS whole
        WHERE due_at <= {{now}}
    """,
)
