"""A reversal whose event has not come.

Opens with the event that reverses or corrects an unknown one, goes when that one comes (then it
never was): it is reversed from its first moment on. Matters because either an event is missing, or
the wrong one was named, and then what should have been reversed still counts.
"""

from typing import Final

from projections.discrepancies.kind import Kind

REVERSAL_WAITING: Final = Kind(
    "reversal_waiting",
    found="""
    SELECT place.facility_id, NULL::text, NULL::text, NULL::integer, posted.occurred_at,
           ARRAY[posted.event_id::text], NULL::timestamptz, NULL::text[],
           jsonb_build_object('reverses', reversal.reversed_id)
    FROM place JOIN reversal USING (facility_no)
    JOIN event AS posted ON posted.facility_no = reversal.facility_no
     AND posted.event_id = reversal.event_id
    WHERE NOT EXISTS (
        SELECT FROM event AS target WHERE target.facility_no = reversal.facility_no
          AND target.event_id = reversal.reversed_id
    )
    """,
    sentence="This reverses event {reverses}, which has not come. Send that one, or reverse the "
    "right one.",
)
