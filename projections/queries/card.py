"""The entries of an item's stock cards at a facility, in fold order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from projections.queries.moments import KNOWN_CARD, KNOWN_UNTIL
from projections.reading import FACILITY, ReadModel, Snapshot

# Each lot is read along its key up to the page's length and the lots are merged, so the cost is
# lots × page, however long the cards are. Balances are walked through from the last one before the
# page that was settled by known_at; each settled one on the way counts as it is stored.
CARD: Final = f"""
WITH place AS (
    SELECT (SELECT facility_no FROM facility_number WHERE facility_id = $1) AS facility_no,
           (SELECT item_no FROM item_number WHERE item_id = $3) AS item_no
), moment AS MATERIALIZED (
    SELECT known_at, known_until
    FROM (VALUES (coalesce($12::timestamptz, 'infinity'))) AS asked (known_at)
    CROSS JOIN LATERAL ({KNOWN_UNTIL}) AS activity
), page AS MATERIALIZED (
    SELECT entry.*
    FROM card, LATERAL (
        SELECT facility_no, item_no, lot, occurred_at, event_id, line_no FROM ledger_entry
        WHERE ledger_entry.facility_no = card.facility_no
          AND ledger_entry.item_no = card.item_no
          AND ledger_entry.lot = card.lot
          AND ledger_entry.occurred_at BETWEEN greatest($5, $7::timestamptz)
                                           AND least($6, (SELECT known_until FROM moment))
          AND (ledger_entry.occurred_at, event_id, line_no, lot)
              > ($7::timestamptz, $8::uuid, $9::integer, $10::text)
          AND recorded_at <= (SELECT known_at FROM moment)
        ORDER BY occurred_at, event_id, line_no LIMIT $11::bigint
    ) AS entry
    WHERE card.facility_no = (SELECT facility_no FROM place)
      AND card.item_no = (SELECT item_no FROM place)
      AND card.lot = coalesce($4::text, card.lot)
      AND ($12 IS NULL OR {KNOWN_CARD})
    ORDER BY entry.occurred_at, entry.event_id, entry.line_no, entry.lot LIMIT $11::bigint
), span AS (
    SELECT first.*, last.occurred_at AS last_occurred_at, last.event_id AS last_event_id,
           last.line_no AS last_line_no
    FROM (SELECT DISTINCT ON (lot) * FROM page
          ORDER BY lot, occurred_at, event_id, line_no) AS first
    JOIN (SELECT DISTINCT ON (lot) * FROM page
          ORDER BY lot, occurred_at DESC, event_id DESC, line_no DESC) AS last USING (lot)
), walked AS (
    SELECT entry.*, coalesce(opening.balance, 0) AS opening,
           (entry.occurred_at, entry.event_id, entry.line_no)
             >= (span.occurred_at, span.event_id, span.line_no) AS is_listed,
           count(*) FILTER (WHERE is_settled OR is_count AND stands) OVER (
               PARTITION BY entry.lot ORDER BY entry.occurred_at, entry.event_id, entry.line_no
           ) AS segment
    FROM span LEFT JOIN LATERAL (
        SELECT balance, occurred_at, event_id, line_no FROM ledger_entry AS earlier
        WHERE earlier.facility_no = span.facility_no AND earlier.item_no = span.item_no
          AND earlier.lot = span.lot
          AND (earlier.occurred_at, earlier.event_id, earlier.line_no)
              < (span.occurred_at, span.event_id, span.line_no)
          AND coalesce(settled_at, recorded_at) <= (SELECT known_at FROM moment)
        ORDER BY occurred_at DESC, event_id DESC, line_no DESC LIMIT 1
    ) AS opening ON true
    JOIN LATERAL (
        SELECT ledger_entry.*,
               reversed_at IS NULL OR reversed_at > (SELECT known_at FROM moment) AS stands,
               coalesce(settled_at, recorded_at) <= (SELECT known_at FROM moment) AS is_settled
        FROM ledger_entry
        WHERE ledger_entry.facility_no = span.facility_no
          AND ledger_entry.item_no = span.item_no AND ledger_entry.lot = span.lot
          AND ledger_entry.occurred_at BETWEEN coalesce(opening.occurred_at, '-infinity')
                                           AND last_occurred_at
          AND (opening.occurred_at IS NULL
               OR (ledger_entry.occurred_at, ledger_entry.event_id, ledger_entry.line_no)
                  > (opening.occurred_at, opening.event_id, opening.line_no))
          AND (ledger_entry.occurred_at, ledger_entry.event_id, ledger_entry.line_no)
              <= (last_occurred_at, last_event_id, last_line_no)
          AND recorded_at <= (SELECT known_at FROM moment)
    ) AS entry ON true
), balanced AS (
    SELECT *,
           (CASE WHEN segment = 0 THEN opening ELSE 0 END
            + coalesce(sum(CASE WHEN is_settled THEN balance WHEN stands THEN quantity END) OVER (
                PARTITION BY lot, segment ORDER BY occurred_at, event_id, line_no
            ), 0))::bigint AS known_balance
    FROM walked
), told AS (
    SELECT balanced.*, event.type,
           CASE WHEN is_count THEN quantity - lag(known_balance, 1, opening) OVER (
               PARTITION BY lot ORDER BY balanced.occurred_at, event_id, line_no
           ) END AS variance
    FROM balanced LEFT JOIN event USING (facility_no, event_id)
)
SELECT {FACILITY},
    (SELECT facility_no IS NOT NULL FROM place)
      OR EXISTS (SELECT FROM facility WHERE facility_id = $1) AS is_known,
    (SELECT json_agg(json_build_array(occurred_at, recorded_at, event_id, line_no, type, lot,
                                      is_count, quantity, known_balance, variance, NOT stands)
                     ORDER BY occurred_at, event_id, line_no, lot)
     FROM told WHERE is_listed) AS entries
"""


class CardKey(NamedTuple):
    """An entry's place among all of an item. Implied zeros of one count differ by lot only."""

    occurred_at: datetime
    event_id: str
    line_no: int
    lot: str


class CardEntry(NamedTuple):
    """Instants are RFC 3339 text in UTC. `quantity` is signed, or what was counted."""

    occurred_at: str
    recorded_at: str
    event_id: str
    line_no: int
    type: str
    lot: str
    is_count: bool
    quantity: int
    balance: int
    variance: int | None
    reversed: bool


@dataclass(frozen=True, slots=True)
class Card:
    snapshot: Snapshot
    entries: list[CardEntry]


async def find_card(
    model: ReadModel,
    *,
    facility_id: str,
    partition: int | None,
    item_id: str,
    lot: str | None,
    occurred_from: datetime,
    occurred_to: datetime,
    after: CardKey,
    known_at: datetime | None = None,
    limit: int,
) -> Card | None:
    """None if the facility isn't known. `lot` None is all lots, '' the unrecorded one."""
    snapshot = await model.fetch(
        CARD,
        facility_id,
        partition,
        item_id,
        lot,
        occurred_from,
        occurred_to,
        *after,
        limit,
        known_at,
    )
    if not snapshot.row["is_known"]:
        return None
    return Card(snapshot, [CardEntry(*fields) for fields in snapshot.loads("entries")])
