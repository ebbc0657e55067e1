"""Events of a device are missing.

A device numbers its events without gaps. Opens with the event after a gap, goes when what is
missing comes (then it never was); what was dead-lettered is missing too. Nothing else ends it: a
reversal of the event after the gap doesn't bring what is missing. Matters because something was
typed at the counter that is in no figure. A counter may begin at any number: what a device numbered
before its first event here, at another facility or for a trial, can't be missed.
"""

from typing import Final

from projections.discrepancies.kind import Kind

_SEQ: Final = "(body ->> 'device_seq')::bigint"

# Where the number before it is among those looked at, there is no gap. Only for the others, a few,
# is the greatest smaller one looked for among all events of the device.
GAPS: Final = f"""
    SELECT device_id, numbered.seq, numbered.occurred_at, numbered.event_id,
           before.seq AS seq_before, before.event_id AS event_before
    FROM (
        SELECT *, lag(seq) OVER (PARTITION BY device_id ORDER BY seq, occurred_at, event_id) AS near
        FROM (
            SELECT event_id, occurred_at, body ->> 'device_id' AS device_id, {_SEQ} AS seq
            FROM event
            WHERE event.facility_no = place.facility_no AND occurred_at >= {{since}}
              AND body ? 'device_seq'
            OFFSET 0  -- a sort of numbers, not of bodies
        ) AS event
    ) AS numbered
    CROSS JOIN LATERAL (
        SELECT earlier.event_id, {_SEQ} AS seq FROM event AS earlier
        WHERE earlier.facility_no = place.facility_no AND body ? 'device_seq'
          AND body ->> 'device_id' = device_id AND {_SEQ} < numbered.seq
        ORDER BY {_SEQ} DESC, earlier.occurred_at, earlier.event_id LIMIT 1
    ) AS before
    WHERE (near IS NULL OR near < numbered.seq - 1) AND before.seq < numbered.seq - 1
"""
"""Of `place`, those that end with an event that occurred at `since` or later. Of two events with
one number the one that occurred first counts.
"""

DEVICE_GAP: Final = Kind(
    "device_gap",
    found=f"""
    SELECT place.facility_id, NULL::text, NULL::text, NULL::integer, occurred_at,
           ARRAY[event_before::text, event_id::text], NULL::timestamptz, NULL::text[],
           jsonb_build_object('device_id', device_id,
               'first_missing', seq_before + 1, 'last_missing', seq - 1)
    FROM place CROSS JOIN LATERAL ({GAPS.format(since="$3")}) AS gap
    """,
    sentence="Events {first_missing} to {last_missing} of device {device_id} have not come. Open "
    "the app on it, with internet, so that it can send them.",
    looks_back=True,
)
