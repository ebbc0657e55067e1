"""The entries of an item's stock cards at a facility, in fold order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from projections.reading import FACILITY, ReadModel, Snapshot

# Each lot is read along its key up to the page's length and the lots are merged, so the cost is
# lots × page, however long the cards are. A count's variance is against the balance before it.
CARD: Final = f"""
WITH place AS (
    SELECT (SELECT facility_no FROM facility_number WHERE facility_id = $1) AS facility_no,
           (SELECT item_no FROM item_number WHERE item_id = $3) AS item_no
), page AS MATERIALIZED (
    SELECT entry.*
    FROM card, LATERAL (
        SELECT * FROM ledger_entry
        WHERE ledger_entry.facility_no = card.facility_no
          AND ledger_entry.item_no = card.item_no
          AND ledger_entry.lot = card.lot
          AND ledger_entry.occurred_at BETWEEN greatest($5, $7::timestamptz) AND $6
          AND (ledger_entry.occurred_at, event_id, line_no, lot)
              > ($7::timestamptz, $8::uuid, $9::integer, $10::text)
        ORDER BY occurred_at, event_id, line_no LIMIT $11::bigint
    ) AS entry
    WHERE card.facility_no = (SELECT facility_no FROM place)
      AND card.item_no = (SELECT item_no FROM place)
      AND card.lot = coalesce($4::text, card.lot)
    ORDER BY entry.occurred_at, entry.event_id, entry.line_no, entry.lot LIMIT $11::bigint
), told AS (
    SELECT page.*, event.type,
        CASE WHEN is_count THEN quantity - coalesce((
            SELECT balance FROM ledger_entry AS earlier
            WHERE earlier.facility_no = page.facility_no AND earlier.item_no = page.item_no
              AND earlier.lot = page.lot
              AND (earlier.occurred_at, earlier.event_id, earlier.line_no)
                  < (page.occurred_at, page.event_id, page.line_no)
            ORDER BY earlier.occurred_at DESC, earlier.event_id DESC, earlier.line_no DESC LIMIT 1
        ), 0) END AS variance
    FROM page LEFT JOIN event USING (facility_no, event_id)
)
SELECT {FACILITY},
    (SELECT facility_no IS NOT NULL FROM place)
      OR EXISTS (SELECT FROM facility WHERE facility_id = $1) AS is_known,
    (SELECT json_agg(json_build_array(occurred_at, recorded_at, event_id, line_no, type, lot,
                                      is_count, quantity, balance, variance,
                                      reversed_at IS NOT NULL)
                     ORDER BY occurred_at, event_id, line_no, lot)
     FROM told) AS entries
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
    )
    if not snapshot.row["is_known"]:
        return None
    return Card(snapshot, [CardEntry(*fields) for fields in snapshot.loads("entries")])
