"""Goods were sent to a facility days ago, and it hasn't said whether they came."""

from typing import Final

from alerts.rule import Parameter, Rule

TRANSFERS_NOT_ACKNOWLEDGED: Final = Rule(
    id="transfers_not_acknowledged",
    title="Transfers to a facility are not acknowledged",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Post what came of each as transfer_received with its transfer_id, damaged lots too;"
    " if none came, tell the sender.",
    ends="Each has a receipt, or its dispatch was reversed.",
    from_first_count=False,
    opens_in_silence=True,
    on_change=False,
    parameters={
        "days": Parameter(default=7, unit="days", meaning="since it was dispatched"),
        "look_back_days": Parameter(default=180, unit="days", meaning="earlier ones are left"),
    },
    holds="""
        SELECT facility_no, 'warning' AS severity,
               min(sent_at + make_interval(days => {days})) AS began_at,
               jsonb_build_object('transfers', count(*), 'oldest_sent_at', min(sent_at),
                   'transfer_ids', (array_agg(transfer_id ORDER BY sent_at, transfer_id))[:5])
                 AS evidence
        FROM (
            SELECT place.facility_no, transfer_id, from_facility_id, {days},
                   min(occurred_at) AS sent_at
            FROM place JOIN transfer_line AS sent ON to_facility_id = place.facility_id
            JOIN event ON event.facility_no = sent.facility_no AND event.event_id = sent.event_id
            WHERE line_no = 1 AND is_dispatch AND reversed_at IS NULL
              AND occurred_at BETWEEN {now} - make_interval(days => {look_back_days})
                              AND {now} - make_interval(days => {days})
              AND NOT EXISTS (
                  SELECT FROM transfer_line AS came
                  JOIN event AS receipt USING (facility_no, event_id)
                  WHERE came.from_facility_id = sent.from_facility_id
                    AND came.to_facility_id = sent.to_facility_id
                    AND came.transfer_id = sent.transfer_id
                    AND NOT came.is_dispatch AND receipt.reversed_at IS NULL)
            GROUP BY place.facility_no, from_facility_id, transfer_id, {days}
        ) AS waiting
        GROUP BY facility_no
    """,
)
