"""One item at all facilities: how much there is, what should be there, how long it lasts."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from projections.consumption_rates import daily_consumption
from projections.reading import EVERYTHING, ReadModel, Snapshot

# Facilities in the order of their ids, each looked up by key, so that a page stops early.
ITEM_STOCK: Final = f"""
WITH asked AS MATERIALIZED (
    SELECT item_no FROM item_number WHERE item_id = $1
), page AS MATERIALIZED (
    SELECT * FROM facility_number
    CROSS JOIN LATERAL (
        SELECT on_hand, usable, out_since, essential, window_days, consumed, available_seconds,
               min_quantity, max_quantity, state.status AS last_status
        FROM item_state AS state
        WHERE state.facility_no = facility_number.facility_no
          AND item_no = (SELECT item_no FROM asked)
        OFFSET 0
    ) AS state
    CROSS JOIN LATERAL (
        SELECT district_id, level, silent, evaluated_on FROM facility_state AS known
        WHERE known.facility_no = facility_number.facility_no
        OFFSET 0
    ) AS place
    CROSS JOIN LATERAL (
        SELECT CASE WHEN silent THEN 'unknown' ELSE last_status END AS status
    ) AS told
    WHERE facility_id > $2 AND ($3::text IS NULL OR district_id = $3)
      AND ($4::text IS NULL OR level = $4) AND ($5::text IS NULL OR facility_id = $5)
      AND ($6::text IS NULL OR status = $6)
    ORDER BY facility_id LIMIT $7
)
SELECT {EVERYTHING},
    EXISTS (SELECT FROM asked) OR EXISTS (SELECT FROM item_record WHERE item_id = $1) AS is_known,
    (SELECT json_agg(json_build_array(
         facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = page.facility_id),
         level, district_id, status, last_status, silent, on_hand, usable, essential, out_since,
         min_quantity, max_quantity, window_days, consumed, available_seconds, evaluated_on,
         (SELECT last_recorded_at FROM facility_activity AS activity
          WHERE activity.facility_no = page.facility_no)) ORDER BY facility_id)
     FROM page) AS places
"""


class PlaceStock(NamedTuple):
    """`status` is `unknown` where the facility is silent; `last_status` is what it was then."""

    facility_id: str
    name: str | None
    level: str | None
    district_id: str | None
    status: str
    last_status: str
    silent: bool
    on_hand: int
    usable: int
    essential: bool
    out_since: str | None
    min_quantity: int | None
    max_quantity: int | None
    window_days: int | None
    consumed: int
    available_seconds: int
    evaluated_on: str
    last_heard_at: str | None

    @property
    def per_day(self) -> float | None:
        return daily_consumption(self.consumed, self.available_seconds)


@dataclass(frozen=True, slots=True)
class ItemStock:
    snapshot: Snapshot
    places: list[PlaceStock]


async def list_item_stock(
    model: ReadModel,
    *,
    item_id: str,
    after: str = "",
    district_id: str | None = None,
    level: str | None = None,
    facility_id: str | None = None,
    status: str | None = None,
    limit: int,
) -> ItemStock | None:
    """By facility_id; None if the item isn't known."""
    snapshot = await model.fetch(
        ITEM_STOCK, item_id, after, district_id, level, facility_id, status, limit
    )
    if not snapshot.row["is_known"]:
        return None
    return ItemStock(snapshot, [PlaceStock(*fields) for fields in snapshot.loads("places")])
