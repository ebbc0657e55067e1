"""A facility's present stock, by item and lot."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from projections.reading import FACILITY, ReadModel, Snapshot
from projections.usable import LotStock

# The catalogue is read backwards along its key, which gives each item's record in force without a
# sort. Lots that are 0 and didn't move for 90 days are left out. The CASE keeps the planner from
# expecting one item, and so from a nested loop over all cards.
STOCK: Final = f"""
WITH place AS (
    SELECT facility_no, level, time_zone,
           facility_no IS NOT NULL OR level IS NOT NULL AS is_known
    FROM (VALUES ($1::text)) AS asked (facility_id)
    LEFT JOIN facility_number USING (facility_id)
    LEFT JOIN LATERAL (
        SELECT level, time_zone FROM facility WHERE facility.facility_id = asked.facility_id
    ) AS record ON true
), held AS MATERIALIZED (
    SELECT item_no, lot, expiry, on_hand, occurred_at
    FROM card WHERE facility_no = (SELECT facility_no FROM place)
), stocked AS MATERIALIZED (
    SELECT item_no, item_id FROM (SELECT DISTINCT item_no FROM held) AS item
    JOIN item_number USING (item_no)
), catalogue AS MATERIALIZED (
    SELECT DISTINCT ON (item_id) item_id, name,
           coalesce(body -> 'levels' ? (SELECT level FROM place), false) AS essential
    FROM item_record WHERE valid_from <= now()
    ORDER BY item_id DESC, valid_from DESC, log_offset DESC
), listed AS MATERIALIZED (
    SELECT item_id, item_no, name, coalesce(essential, false) AS essential
    FROM stocked FULL JOIN catalogue USING (item_id)
    WHERE (item_no IS NOT NULL OR essential)
      AND item_id > $3 AND CASE WHEN $4::text IS NULL THEN true ELSE item_id = $4 END
    ORDER BY item_id LIMIT $5::bigint
), lots AS (
    SELECT item_no,
           json_agg(json_build_array(lot, expiry, on_hand) ORDER BY expiry, lot) AS lots
    FROM held JOIN listed USING (item_no)
    WHERE on_hand <> 0 OR occurred_at >= now() - interval '90 days'
    GROUP BY item_no
)
SELECT {FACILITY},
    (SELECT is_known FROM place) AS is_known,
    (SELECT time_zone FROM place) AS time_zone,
    (SELECT last_recorded_at FROM facility_activity
     WHERE facility_no = (SELECT facility_no FROM place)) AS last_heard_at,
    EXISTS (
        SELECT FROM dead_letter AS letter
        LEFT JOIN dead_letter_decision USING (topic, partition, log_offset)
        WHERE letter.facility_id = $1 AND letter.kind = 'failed'
          AND decision IS DISTINCT FROM 'discarded'
    ) AS suspect,
    (SELECT count(*) FROM held WHERE on_hand < 0)
      + (SELECT count(*) FROM stocked
         WHERE NOT EXISTS (SELECT FROM catalogue WHERE catalogue.item_id = stocked.item_id))
      AS open_discrepancies,
    (SELECT json_agg(json_build_array(item_id, name, essential, lots) ORDER BY item_id)
     FROM listed LEFT JOIN lots USING (item_no)) AS items
"""


class ItemStock(NamedTuple):
    """`name` is None where the catalogue doesn't know the item. Lots: first expiry first."""

    item_id: str
    name: str | None
    essential: bool
    lots: list[LotStock]

    @property
    def on_hand(self) -> int:
        return sum(lot.on_hand for lot in self.lots)


@dataclass(frozen=True, slots=True)
class FacilityStock:
    """`open_discrepancies` counts cards with negative book stock and items not in the catalogue."""

    snapshot: Snapshot
    time_zone: str | None
    last_heard_at: datetime | None
    suspect: bool
    open_discrepancies: int
    items: list[ItemStock]


async def find_stock(
    model: ReadModel,
    *,
    facility_id: str,
    partition: int | None,
    item_id: str | None = None,
    after_item_id: str = "",
    limit: int | None = None,
) -> FacilityStock | None:
    """Every item that ever had a card and the level's essential ones, by item_id; None if the
    facility isn't known. `partition` is the facility's in stock-events, None if nobody knows it.
    """
    snapshot = await model.fetch(STOCK, facility_id, partition, after_item_id, item_id, limit)
    row = snapshot.row
    if not row["is_known"]:
        return None
    return FacilityStock(
        snapshot,
        row["time_zone"],
        row["last_heard_at"],
        row["suspect"],
        row["open_discrepancies"],
        [_item(*fields) for fields in snapshot.loads("items")],
    )


def _item(item_id: str, name: str | None, essential: bool, lots: list[Any] | None) -> ItemStock:
    return ItemStock(
        item_id,
        name,
        essential,
        [
            LotStock(lot, None if expiry is None else date.fromisoformat(expiry), on_hand)
            for lot, expiry, on_hand in lots or ()
        ],
    )
