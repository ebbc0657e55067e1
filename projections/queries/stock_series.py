"""What each item's stock is now at the facilities asked for, for a scrape of one's own."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from projections.reading import EVERYTHING, ReadModel, Snapshot

# The facility or district leads to few rows; an item alone, to one a facility by key.
STOCK_SERIES: Final = f"""
WITH place AS MATERIALIZED (
    SELECT facility_no, facility_id, district_id, level, silent
    FROM facility_state JOIN facility_number USING (facility_no)
    WHERE ($1::text IS NULL OR facility_id = $1) AND ($2::text IS NULL OR district_id = $2)
), asked AS MATERIALIZED (
    SELECT item_no FROM item_number WHERE item_id = $3::text
), page AS MATERIALIZED (
    SELECT facility_id, district_id, level, item_no, on_hand, usable, min_quantity, out_since,
           CASE WHEN silent THEN 'unknown' ELSE status END AS status
    FROM place CROSS JOIN LATERAL (
        SELECT * FROM item_state
        WHERE item_state.facility_no = place.facility_no
          AND ($3 IS NULL OR item_no = (SELECT item_no FROM asked))
        OFFSET 0
    ) AS state
    LIMIT $4
)
SELECT {EVERYTHING},
    $1 IS NULL OR EXISTS (SELECT FROM facility WHERE facility_id = $1) AS knows_facility,
    $2 IS NULL OR EXISTS (SELECT FROM facility_state WHERE district_id = $2) AS knows_district,
    $3 IS NULL OR EXISTS (SELECT FROM asked)
        OR EXISTS (SELECT FROM item_record WHERE item_id = $3) AS knows_item,
    (SELECT json_agg(json_build_array(
         facility_id, coalesce(district_id, ''), coalesce(level, ''), item_id, status, on_hand,
         usable, min_quantity, extract(epoch FROM out_since)) ORDER BY facility_id, item_id)
     FROM page JOIN item_number USING (item_no)) AS pairs
"""


class PairStock(NamedTuple):
    """An item at a facility. `out_since` is in seconds since 1970."""

    facility_id: str
    district: str
    level: str
    item_id: str
    status: str
    on_hand: int
    usable: int
    min_quantity: int | None
    out_since: float | None


@dataclass(frozen=True, slots=True)
class StockSeries:
    """`unknown` is the first of facility_id, district, item_id that nobody knows."""

    snapshot: Snapshot
    pairs: list[PairStock]
    unknown: str | None


async def list_stock_series(
    model: ReadModel,
    *,
    facility_id: str | None,
    district_id: str | None,
    item_id: str | None,
    limit: int,
) -> StockSeries:
    snapshot = await model.fetch(STOCK_SERIES, facility_id, district_id, item_id, limit)
    row = snapshot.row
    unknown = [name for name in ("facility", "district", "item") if not row[f"knows_{name}"]]
    return StockSeries(
        snapshot,
        [PairStock(*fields) for fields in snapshot.loads("pairs")],
        unknown[0] if unknown else None,
    )
