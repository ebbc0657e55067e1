"""What arrives late: reversals of old events, complete counts, entries before the card's last.

Set-based, over the cards concerned alone. The balances are the window-function form of
`projections.definition`; everything happens within the caller's transaction.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from projections.cards import CardKey, FoldKey

# A replayed reversal may be the earlier of two.
REVERSE: Final = """
WITH reversed AS (
    UPDATE event SET reversed_at = reverse.recorded_at
    FROM unnest($1::int[], $2::uuid[], $3::timestamptz[])
         AS reverse(facility_no, event_id, recorded_at)
    WHERE event.facility_no = reverse.facility_no AND event.event_id = reverse.event_id
      AND coalesce(event.reversed_at > reverse.recorded_at, true)
      AND event.type <> 'event_reversed'
    RETURNING event.facility_no, event.event_id, event.occurred_at, event.reversed_at, event.body
),
touched AS (
    SELECT DISTINCT facility_no, event_id, occurred_at, reversed_at, item_no
    FROM reversed
    CROSS JOIN LATERAL jsonb_array_elements(body -> 'lines') AS line
    JOIN item_number ON item_id = line ->> 'item_id'
)
UPDATE ledger_entry AS entry SET reversed_at = touched.reversed_at
FROM touched JOIN card ON card.facility_no = touched.facility_no AND card.item_no = touched.item_no
WHERE entry.facility_no = card.facility_no AND entry.item_no = card.item_no AND entry.lot = card.lot
  AND entry.occurred_at = touched.occurred_at AND entry.event_id = touched.event_id
RETURNING entry.facility_no, entry.item_no, entry.lot, entry.occurred_at, entry.event_id,
          entry.line_no
"""

# New counts on every card, and every count on new cards: what there was of both has its zeros.
IMPLY_ZEROS: Final = """
WITH implied AS (
    SELECT facility_no, item_no, lot, counted.occurred_at, counted.event_id
    FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::uuid[])
         AS counted(facility_no, item_no, occurred_at, event_id)
    JOIN card USING (facility_no, item_no)
    UNION
    SELECT facility_no, item_no, lot, counted.occurred_at, counted.event_id
    FROM unnest($5::int[], $6::int[], $7::text[]) AS new(facility_no, item_no, lot)
    JOIN complete_count AS counted USING (facility_no, item_no)
)
INSERT INTO ledger_entry (facility_no, item_no, lot, occurred_at, event_id, line_no, is_count,
                          quantity, balance, recorded_at, reversed_at)
SELECT implied.facility_no, item_no, lot, implied.occurred_at, implied.event_id, 0, true,
       0, 0, event.recorded_at, event.reversed_at
FROM implied
JOIN event ON event.facility_no = implied.facility_no AND event.event_id = implied.event_id
WHERE NOT EXISTS (
    SELECT FROM ledger_entry AS entry
    WHERE entry.facility_no = implied.facility_no AND entry.item_no = implied.item_no
      AND entry.lot = implied.lot AND entry.occurred_at = implied.occurred_at
      AND entry.event_id = implied.event_id
)
RETURNING facility_no, item_no, lot, occurred_at, event_id, line_no
"""

REFOLD: Final = """
WITH late AS (
    SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::timestamptz[], $5::uuid[],
                         $6::smallint[])
             AS late(facility_no, item_no, lot, occurred_at, event_id, line_no)
),
segmented AS (
    SELECT entry.*, coalesce(before.balance, 0) AS opening, before.settled_at AS opened_at,
           -- Each unreversed count starts a segment; segment 0 goes on from `opening`.
           count(*) FILTER (WHERE entry.is_count AND entry.reversed_at IS NULL) OVER card
               AS segment
    FROM late
    LEFT JOIN LATERAL (
        SELECT balance, coalesce(settled_at, recorded_at) AS settled_at FROM ledger_entry AS e
        WHERE e.facility_no = late.facility_no AND e.item_no = late.item_no AND e.lot = late.lot
          AND (e.occurred_at, e.event_id, e.line_no)
              < (late.occurred_at, late.event_id, late.line_no)
        ORDER BY e.occurred_at DESC, e.event_id DESC, e.line_no DESC
        LIMIT 1
    ) AS before ON true
    JOIN ledger_entry AS entry
      ON entry.facility_no = late.facility_no AND entry.item_no = late.item_no
     AND entry.lot = late.lot
     AND (entry.occurred_at, entry.event_id, entry.line_no)
         >= (late.occurred_at, late.event_id, late.line_no)
    WINDOW card AS (
        PARTITION BY entry.facility_no, entry.item_no, entry.lot
        ORDER BY entry.occurred_at, entry.event_id, entry.line_no
    )
),
folded AS (
    SELECT facility_no, item_no, lot, occurred_at, event_id, line_no, recorded_at,
           balance AS was, settled_at AS was_settled_at,
           (CASE WHEN segment = 0 THEN opening ELSE 0 END
            + coalesce(sum(quantity) FILTER (WHERE reversed_at IS NULL) OVER segment, 0)
           )::bigint AS balance,
           greatest(CASE WHEN segment = 0 THEN opened_at END,
                    max(greatest(recorded_at, reversed_at)) OVER segment) AS settled_at,
           row_number() OVER (
               PARTITION BY facility_no, item_no, lot
               ORDER BY occurred_at DESC, event_id DESC, line_no DESC) AS from_last
    FROM segmented
    WINDOW segment AS (
        PARTITION BY facility_no, item_no, lot, segment
        ORDER BY occurred_at, event_id, line_no ROWS UNBOUNDED PRECEDING
    )
),
corrected AS (
    UPDATE ledger_entry AS entry
    SET balance = folded.balance, settled_at = nullif(folded.settled_at, folded.recorded_at)
    FROM folded
    WHERE (folded.balance <> folded.was
           OR nullif(folded.settled_at, folded.recorded_at) IS DISTINCT FROM folded.was_settled_at)
      AND entry.facility_no = folded.facility_no AND entry.item_no = folded.item_no
      AND entry.lot = folded.lot AND entry.occurred_at = folded.occurred_at
      AND entry.event_id = folded.event_id AND entry.line_no = folded.line_no
)
UPDATE card
SET on_hand = folded.balance, occurred_at = folded.occurred_at, event_id = folded.event_id,
    line_no = folded.line_no
FROM folded
WHERE folded.from_last = 1 AND card.facility_no = folded.facility_no
  AND card.item_no = folded.item_no AND card.lot = folded.lot
"""

RECALL_EXPIRY: Final = """
UPDATE card SET expiry = known.expiry
FROM unnest($1::int[], $2::int[], $3::text[]) AS touched(facility_no, item_no, lot)
CROSS JOIN LATERAL (
    SELECT min(expiry) AS expiry FROM ledger_entry AS entry
    WHERE entry.facility_no = touched.facility_no AND entry.item_no = touched.item_no
      AND entry.lot = touched.lot AND entry.reversed_at IS NULL
) AS known
WHERE card.facility_no = touched.facility_no AND card.item_no = touched.item_no
  AND card.lot = touched.lot AND card.expiry IS DISTINCT FROM known.expiry
RETURNING card.facility_no, card.item_no
"""

Late = dict[CardKey, FoldKey]

CompleteCount: TypeAlias = tuple[int, int, datetime, UUID]
"""(facility_no, item_no, occurred_at, event_id), a row of `complete_count`."""


async def reverse_events(
    connection: "asyncpg.Connection[Any]",
    reversals: Mapping[tuple[int, UUID], datetime],
) -> tuple[Late, set[tuple[int, int]]]:
    """Mark events as reversed, with their entries and cards' expiry.

    Returns what must be refolded, and the (facility_no, item_no) of cards whose expiry moved.

    Args:
        reversals: (facility_no, event_id of the reversed) → recorded_at of the reversing event.
    """
    rows = await connection.fetch(
        REVERSE,
        [facility_no for facility_no, _ in reversals],
        [event_id for _, event_id in reversals],
        list(reversals.values()),
    )
    late = _first_keys(rows)
    moved = await connection.fetch(RECALL_EXPIRY, *_columns(late)) if late else []
    return late, {(facility_no, item_no) for facility_no, item_no in moved}


async def imply_zeros(
    connection: "asyncpg.Connection[Any]",
    counts: Collection[CompleteCount],
    new_cards: Collection[CardKey],
) -> Late:
    """Write the zeros that new complete counts imply, and all that are implied of new cards.

    Both must be written; counts of new cards may be old ones.
    """
    rows = await connection.fetch(
        IMPLY_ZEROS,
        *([count[place] for count in counts] for place in range(4)),
        *_columns(new_cards),
    )
    return _first_keys(rows)


async def refold(connection: "asyncpg.Connection[Any]", late: Late) -> None:
    """Recompute balances from the given entry of each card on, and the cards' state."""
    keys = list(late.values())
    await connection.execute(
        REFOLD,
        *_columns(late),
        [occurred_at for occurred_at, _, _ in keys],
        [event_id for _, event_id, _ in keys],
        [line_no for _, _, line_no in keys],
    )


def merge_late(into: Late, other: Late) -> None:
    """Keep the earliest entry of each card."""
    for card, key in other.items():
        if card not in into or key < into[card]:
            into[card] = key


def _columns(cards: Iterable[CardKey]) -> Sequence[list[Any]]:
    listed = list(cards)
    return (
        [facility_no for facility_no, _, _ in listed],
        [item_no for _, item_no, _ in listed],
        [lot for _, _, lot in listed],
    )


def _first_keys(rows: Iterable[asyncpg.Record]) -> Late:
    late: Late = {}
    for row in rows:
        facility_no, item_no, lot, occurred_at, event_id, line_no = row
        card = (facility_no, item_no, lot)
        merge_late(late, {card: (occurred_at, str(event_id), line_no)})
    return late
