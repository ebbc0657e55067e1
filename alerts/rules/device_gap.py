"""A device has sent events that came after some which it hasn't sent."""

from typing import Final

from alerts.rule import Parameter, Rule
from projections.discrepancies.device_gap import GAPS

_SINCE: Final = "{now} - make_interval(days => {days})"

DEVICE_GAP: Final = Rule(
    id="device_gap",
    title="Events of a device are missing",
    family="compliance",
    about="facility",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Open the app on the device, with internet, and wait until all is sent; if it is"
    " lost or broken, type what was given out, with its times.",
    ends="What is missing has come; or nothing that came after it is of the last days any more.",
    from_first_count=False,
    opens_in_silence=True,
    on_change=False,
    parameters={
        "days": Parameter(
            default=7, unit="days", meaning="back from now; gaps before older events are left"
        ),
        "hours": Parameter(
            default=24, unit="hours", meaning="for what is missing to follow what came after it"
        ),
    },
    holds=f"""
        SELECT place.facility_no, 'warning' AS severity, min(gap.occurred_at) AS began_at,
               jsonb_build_object('missing', sum(seq - seq_before - 1), 'gaps', count(*),
                   'devices', count(DISTINCT device_id),
                   'first', (array_agg(jsonb_build_object(
                       'device_id', device_id, 'first_missing', seq_before + 1,
                       'last_missing', seq - 1) ORDER BY gap.occurred_at, seq))[1]) AS evidence
        FROM place CROSS JOIN LATERAL ({GAPS.format(since=_SINCE)}) AS gap
        WHERE EXISTS (
            SELECT FROM event AS after
            WHERE after.facility_no = place.facility_no AND body ? 'device_seq'
              AND body ->> 'device_id' = device_id AND (body ->> 'device_seq')::bigint >= seq
              AND after.recorded_at <= {{now}} - make_interval(hours => {{hours}}))
        GROUP BY place.facility_no
    """,
)
