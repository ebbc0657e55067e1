"""Events of a device are missing.

A device numbers its events without gaps. Opens with the event after a gap, goes when what is
missing comes (then it never was); what was dead-lettered is missing too. Nothing else ends it: a
reversal of the event after the gap doesn't bring what is missing. Matters because something was
typed at the counter that is in no figure.
"""

from typing import Final

from projections.discrepancies.kind import Kind

_SEQ: Final = "({0}.body ->> 'device_seq')::bigint"
_SAME_DEVICE: Final = """
    earlier.facility_no = event.facility_no AND earlier.body ? 'device_seq'
    AND earlier.body ->> 'device_id' = event.body ->> 'device_id'
"""

DEVICE_GAP: Final = Kind(
    "device_gap",
    found=f"""
    SELECT * FROM (
        SELECT DISTINCT ON (event.facility_no, event.body ->> 'device_id', {_SEQ.format("event")})
               place.facility_id, NULL::text, NULL::text, NULL::integer, event.occurred_at,
               ARRAY[before.event_id::text, event.event_id::text], NULL::timestamptz, NULL::text[],
               jsonb_build_object('device_id', event.body -> 'device_id',
                   'first_missing', before.seq + 1, 'last_missing', {_SEQ.format("event")} - 1)
        FROM place JOIN event USING (facility_no)
        CROSS JOIN LATERAL (
            SELECT earlier.event_id, {_SEQ.format("earlier")} AS seq FROM event AS earlier
            WHERE {_SAME_DEVICE} AND {_SEQ.format("earlier")} < {_SEQ.format("event")}
            ORDER BY {_SEQ.format("earlier")} DESC, earlier.occurred_at, earlier.event_id LIMIT 1
        ) AS before
        WHERE event.occurred_at >= $3 AND event.body ? 'device_seq'
          AND before.seq < {_SEQ.format("event")} - 1
        ORDER BY event.facility_no, event.body ->> 'device_id', {_SEQ.format("event")},
                 event.occurred_at, event.event_id
    ) AS gap
    """,
    sentence="Events {first_missing} to {last_missing} of device {device_id} have not come. Open "
    "the app on it, with internet, so that it can send them.",
    looks_back=True,
)
