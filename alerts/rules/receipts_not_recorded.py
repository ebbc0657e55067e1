"""Medicines are given out, and nothing was ever received, or not for weeks."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.hospitals import LAST_DISPENSED, WHOLE

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
        WITH RECURSIVE {WHOLE}
        SELECT root.facility_no, 'warning' AS severity, due_at AS began_at,
               jsonb_build_object('last_received_at', received_at, 'last_dispensed_at',
                                  dispensed_at) AS evidence
        FROM root CROSS JOIN LATERAL ({LAST_DISPENSED}) AS given
        CROSS JOIN LATERAL (
            SELECT max(occurred_at) AS received_at FROM member JOIN event USING (facility_no)
            WHERE root_no = root.facility_no AND type IN ('stock_received', 'transfer_received')
              AND reversed_at IS NULL AND NOT EXISTS (
                  SELECT FROM member AS sender WHERE sender.root_no = root.facility_no
                  AND sender.facility_id = body ->> 'from_facility_id')
        ) AS got
        CROSS JOIN LATERAL (
            SELECT coalesce(received_at, min(first_at)) + make_interval(days => {{days}}) AS due_at
            FROM member CROSS JOIN LATERAL (
                SELECT occurred_at AS first_at FROM event
                WHERE event.facility_no = member.facility_no AND type = 'medicine_dispensed'
                  AND reversed_at IS NULL
                ORDER BY occurred_at LIMIT 1
            ) AS first WHERE root_no = root.facility_no
        ) AS due
        WHERE due_at <= {{now}}
          AND dispensed_at > {{now}} - make_interval(days => {{dispensing_days}})
    """,
)
