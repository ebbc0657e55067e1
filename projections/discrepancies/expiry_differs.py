"""Facts give one lot different expiry dates.

Opens with the first entry whose expiry differs from that of the first one that gave any. Ends when
the lot is used up, goes when the wrong entry is reversed or corrected. Matters because the earliest
date counts: a slip makes good medicine unusable, or shows expired medicine as good.
"""

from typing import Final

from projections.discrepancies.kind import Kind, is_card

EXPIRY_DIFFERS: Final = Kind(
    "expiry_differs",
    found=f"""
    SELECT place.facility_id, item_number.item_id, card.lot, differing.line_no,
           differing.occurred_at,
           ARRAY[differing.first_id::text, differing.event_id::text],
           used_up.occurred_at,
           CASE WHEN used_up.event_id IS NOT NULL THEN ARRAY[used_up.event_id::text] END,
           jsonb_build_object('first', differing.first_expiry, 'then', differing.expiry)
    FROM place JOIN card USING (facility_no) JOIN item_number USING (item_no)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT fact.*, first_value(fact.expiry) OVER fold AS first_expiry,
                   first_value(fact.event_id) OVER fold AS first_id
            FROM ledger_entry AS fact
            WHERE {is_card("fact")} AND fact.expiry IS NOT NULL AND fact.reversed_at IS NULL
            WINDOW fold AS (ORDER BY fact.occurred_at, fact.event_id, fact.line_no)
        ) AS fact WHERE fact.expiry <> fact.first_expiry
        ORDER BY fact.occurred_at, fact.event_id, fact.line_no LIMIT 1
    ) AS differing
    LEFT JOIN LATERAL (
        SELECT entry.occurred_at, entry.event_id, entry.line_no FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND entry.balance > 0
        ORDER BY entry.occurred_at DESC, entry.event_id DESC, entry.line_no DESC LIMIT 1
    ) AS stocked ON true
    LEFT JOIN LATERAL (
        SELECT entry.occurred_at, entry.event_id FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND card.on_hand <= 0
          AND (entry.occurred_at, entry.event_id, entry.line_no)
              >= (differing.occurred_at, differing.event_id, differing.line_no)
          AND (stocked.occurred_at IS NULL
               OR (entry.occurred_at, entry.event_id, entry.line_no)
                   > (stocked.occurred_at, stocked.event_id, stocked.line_no))
        ORDER BY entry.occurred_at, entry.event_id, entry.line_no LIMIT 1
    ) AS used_up ON true
    WHERE card.lot <> '' AND EXISTS (
        -- the card has the earliest one
        SELECT FROM ledger_entry AS other
        WHERE {is_card("other")} AND other.expiry > card.expiry AND other.reversed_at IS NULL
    )
    """,
    sentence="The expiry of this lot was given as {first} and as {then}; the earlier one counts. "
    "Look at the pack, and correct the event that is wrong.",
)
