"""Past moments: as things were at `as_of`, as far as it was known at `known_at`, both inclusive.

What was known is the set of events recorded by then, reversed if the reversal was recorded by
then. `projections.definition_past` says the same in plain Python.
"""

from datetime import datetime
from typing import Final, NamedTuple


class Moment(NamedTuple):
    """None: the present, and all that is known."""

    as_of: datetime | None = None
    known_at: datetime | None = None


PRESENT: Final = Moment()

# What was known at `asked.known_at` of the facility of `place` had occurred by then, and before its
# first record nothing was: no card is then looked through.
KNOWN_UNTIL: Final = """
    SELECT CASE WHEN coalesce(bool_and(first_recorded_at > known_at), false) THEN '-infinity'
                ELSE known_at + coalesce(max(ahead), '0') END AS known_until
    FROM facility_activity WHERE facility_no = (SELECT facility_no FROM place)
"""

# A card is there once one of its own lines was known, not by implied zeros alone.
KNOWN_CARD: Final = """EXISTS (
    SELECT FROM ledger_entry AS entry
    WHERE entry.facility_no = card.facility_no AND entry.item_no = card.item_no
      AND entry.lot = card.lot AND entry.line_no > 0
      AND entry.occurred_at <= (SELECT known_until FROM moment)
      AND entry.recorded_at <= (SELECT known_at FROM moment)
)"""

# A facility's cards at `moment` (as_of, known_at, until: no entry wanted occurred later), with $7
# the known_at asked for. A stored balance counts if it was settled by then. What was known after
# the last such entry is folded onto it: nothing at all, unless something came late or was reversed
# since.
CARDS_AT: Final = f"""
    SELECT card.facility_no, card.item_no, card.lot,
           CASE WHEN $7::timestamptz IS NULL THEN card.expiry ELSE (
               SELECT min(entry.expiry) FROM ledger_entry AS entry
               WHERE entry.facility_no = card.facility_no AND entry.item_no = card.item_no
                 AND entry.lot = card.lot AND entry.expiry IS NOT NULL
                 AND entry.recorded_at <= (SELECT known_at FROM moment)
                 AND (entry.reversed_at IS NULL
                      OR entry.reversed_at > (SELECT known_at FROM moment))
           ) END AS expiry,
           CASE WHEN later.is_counted THEN 0 ELSE coalesce(settled.balance, 0) END
             + coalesce(later.quantity, 0) AS on_hand,
           greatest(settled.occurred_at, later.occurred_at) AS occurred_at
    FROM card LEFT JOIN LATERAL (
        SELECT balance, occurred_at, event_id, line_no FROM ledger_entry AS entry
        WHERE entry.facility_no = card.facility_no AND entry.item_no = card.item_no
          AND entry.lot = card.lot
          AND entry.occurred_at <= (SELECT until FROM moment)
          AND coalesce(entry.settled_at, entry.recorded_at) <= (SELECT known_at FROM moment)
        ORDER BY occurred_at DESC, event_id DESC, line_no DESC LIMIT 1
    ) AS settled ON true
    LEFT JOIN LATERAL (
        SELECT max(occurred_at) AS occurred_at,
               bool_or(is_count) FILTER (WHERE stands) AS is_counted,
               sum(quantity) FILTER (
                   WHERE stands AND counts_from_here = CASE WHEN is_count THEN 1 ELSE 0 END
               )::bigint AS quantity
        FROM (
            SELECT entry.occurred_at, is_count, quantity, stands,
                   count(*) FILTER (WHERE is_count AND stands) OVER (
                       ORDER BY entry.occurred_at DESC, entry.event_id DESC, entry.line_no DESC
                   ) AS counts_from_here
            FROM ledger_entry AS entry CROSS JOIN LATERAL (
                SELECT reversed_at IS NULL OR reversed_at > (SELECT known_at FROM moment) AS stands
            ) AS reversal
            WHERE $7 IS NOT NULL
              AND entry.facility_no = card.facility_no AND entry.item_no = card.item_no
              AND entry.lot = card.lot
              AND entry.occurred_at BETWEEN coalesce(settled.occurred_at, '-infinity')
                                        AND (SELECT until FROM moment)
              AND (settled.occurred_at IS NULL
                   OR (entry.occurred_at, entry.event_id, entry.line_no)
                      > (settled.occurred_at, settled.event_id, settled.line_no))
              AND entry.recorded_at <= (SELECT known_at FROM moment)
        ) AS entry
    ) AS later ON true
    WHERE card.facility_no = (SELECT facility_no FROM place)
      AND coalesce(settled.occurred_at, later.occurred_at) IS NOT NULL
      AND ($7 IS NULL OR settled.line_no > 0 OR {KNOWN_CARD})
"""
