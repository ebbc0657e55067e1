"""A device's clock is wrong by more than 10 minutes (`clock_is_off` in the read model).

`sent_at` is the sender's clock at sending, so it differs from `recorded_at` by no more than sending
takes, however late the event itself is posted. As the sender's clock is what is in doubt, this
kind alone goes by `recorded_at`. Opens with the first event that came with a wrong clock, ends
with the device's first event with a right one that happened and came after the last wrong one. The
facility's days are taken whole: a clock that was right in between is wrong all the same if it is
wrong again on that day. Reversed events open nothing. Matters because the order of events makes
the balance.
"""

from typing import Final

from projections.discrepancies.kind import Kind

_IS_OFF: Final = "clock_is_off(event.body ->> 'sent_at', event.recorded_at)"
_DEVICE: Final = "coalesce(event.body ->> 'device_id', '')"

# The look for the right clock is taken once a day, not for each event of a bad week.
_DAYS: Final = f"""
    SELECT place.facility_id, event.facility_no, {_DEVICE} AS device, count(*) AS events,
           min(event.recorded_at) AS first_at, max(event.recorded_at) AS last_at,
           (array_agg(event.event_id ORDER BY event.recorded_at, event.event_id))[1] AS first_id,
           (array_agg(event.body ->> 'sent_at'
                      ORDER BY event.recorded_at DESC, event.event_id DESC))[1] AS sent_at
    FROM place JOIN event USING (facility_no)
    WHERE event.body ? 'sent_at' AND {_IS_OFF} AND event.reversed_at IS NULL
    GROUP BY place.facility_id, event.facility_no, {_DEVICE},
             (event.recorded_at AT TIME ZONE place.zone)::date
"""

CLOCK_OFF: Final = Kind(
    "clock_off",
    found=f"""
    SELECT day.facility_id, NULL::text, NULL::text, NULL::integer, min(day.first_at),
           ARRAY[(array_agg(day.first_id::text ORDER BY day.first_at, day.first_id))[1]],
           fine.recorded_at,
           CASE WHEN fine.event_id IS NOT NULL THEN ARRAY[fine.event_id::text] END,
           jsonb_build_object('device_id', nullif(day.device, ''), 'events', sum(day.events),
               'recorded_at', max(day.last_at),
               'sent_at', (array_agg(day.sent_at ORDER BY day.last_at DESC))[1])
    FROM ({_DAYS}) AS day
    LEFT JOIN LATERAL (
        SELECT event.event_id, event.recorded_at FROM event
        WHERE event.facility_no = day.facility_no AND event.occurred_at >= day.last_at
          AND event.recorded_at > day.last_at AND event.body ? 'sent_at' AND NOT {_IS_OFF}
          AND {_DEVICE} = day.device
        ORDER BY event.occurred_at, event.event_id LIMIT 1
    ) AS fine ON true
    GROUP BY day.facility_id, day.device, fine.event_id, fine.recorded_at
    """,
    sentence="The clock of the device is wrong: it said {sent_at} at {recorded_at}. Set its date "
    "and time, best by the network.",
)
