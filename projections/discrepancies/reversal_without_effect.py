"""A reversal was reversed, which has no effect.

Opens with the event that reverses (or corrects) a reversal. Ends when all cards of the event that
was reversed first have been counted since. Matters because who posted it believes that the first
event counts again; to undo a reversal, the fact has to be posted again.
"""

from typing import Final

from projections.discrepancies.kind import Kind
from projections.discrepancies.settling import settled_by_counts

REVERSAL_WITHOUT_EFFECT: Final = Kind(
    "reversal_without_effect",
    found=f"""
    SELECT place.facility_id, NULL::text, NULL::text, NULL::integer, posted.occurred_at,
           ARRAY[posted.event_id::text], settled.at, settled.by,
           jsonb_build_object('reversal', target.event_id)
    FROM place JOIN reversal USING (facility_no)
    JOIN event AS target ON target.facility_no = reversal.facility_no
     AND target.event_id = reversal.reversed_id AND target.type = 'event_reversed'
    JOIN event AS posted ON posted.facility_no = reversal.facility_no
     AND posted.event_id = reversal.event_id AND posted.reversed_at IS NULL
    LEFT JOIN event AS undone ON undone.facility_no = target.facility_no
     AND undone.event_id = (target.body ->> 'reverses')::uuid
    {
        settled_by_counts(
            "undone",
            item_ids="ARRAY(SELECT line ->> 'item_id'"
            " FROM jsonb_array_elements(undone.body -> 'lines') AS line)",
            after="posted",
        )
    }
    """,
    sentence="A reversal cannot be reversed, so this event changed nothing. If the first event was "
    "right, post it again as a new one.",
)
