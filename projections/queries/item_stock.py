"""One item at all facilities: how much there is, what should be there, how long it lasts."""

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, get_args

from projections.consumption_rates import daily_consumption
from projections.queries.filters import conditions, is_asked, of_places
from projections.reading import EVERYTHING, ReadModel, Snapshot
from stream.versioned import Level

# Facilities in the order of their ids, each looked up by key, so that a page stops early.
ITEM_STOCK: Final = f"""
WITH asked AS MATERIALIZED (
    SELECT item_no FROM item_number WHERE item_id = $1
), page AS MATERIALIZED (
    SELECT facility_no, facility_id, state.*, place.*, status
    FROM facility_number
    CROSS JOIN LATERAL (
        SELECT on_hand, usable, out_since, essential, window_days, consumed, available_seconds,
               min_quantity, max_quantity, status AS last_status
        FROM item_state
        WHERE item_state.facility_no = facility_number.facility_no
          AND item_no = (SELECT item_no FROM asked)
        OFFSET 0
    ) AS state
    CROSS JOIN LATERAL (
        SELECT district_id, level, silent, evaluated_on FROM facility_state
        WHERE facility_state.facility_no = facility_number.facility_no
        OFFSET 0
    ) AS place
    CROSS JOIN LATERAL (
        SELECT CASE WHEN silent THEN 'unknown' ELSE last_status END AS status
    ) AS told
    WHERE facility_id > $2 AND {{facility}} AND {{places}} AND {{status}}
    ORDER BY facility_id LIMIT $7
)
SELECT {EVERYTHING},
    EXISTS (SELECT FROM asked) OR EXISTS (SELECT FROM item_record WHERE item_id = $1) AS is_known,
    (SELECT json_agg(json_build_array(
         facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = page.facility_id),
         level, district_id, status, last_status, silent, on_hand, usable, essential, out_since,
         min_quantity, max_quantity, window_days, consumed, available_seconds, evaluated_on,
         CASE WHEN window_days IS NOT NULL THEN (
             SELECT coalesce(sum(unmet), 0)::bigint FROM consumption_day AS used
             WHERE used.facility_no = page.facility_no
               AND used.item_no = (SELECT item_no FROM asked)
               AND day >= evaluated_on - window_days AND day < evaluated_on) END,
         (SELECT last_recorded_at FROM facility_activity AS activity
          WHERE activity.facility_no = page.facility_no)) ORDER BY facility_id)
     FROM page) AS places
"""

SILENT: Final = f"status = $6 AND {of_places('silent')}"

INDEXED: Final = ("out", "low", "over")
FEW: Final = 2_000
"""More facilities than these have a status: a walk meets some soon enough."""

# The status stands here in full, for the index is of these alone.
OF_INDEXED: Final = f"""status = $6 AND (
    (SELECT coalesce(sum(items_{{status}}), 0) > {FEW} FROM item_tally
     WHERE scope = 'level' AND place = ANY (ARRAY{list(get_args(Level))})
       AND item_no = (SELECT item_no FROM asked))
    OR facility_no IN (
        SELECT facility_no FROM item_state
        WHERE item_no = (SELECT item_no FROM asked) AND status = '{{status}}'))"""


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
    unmet: int | None
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
    state: str | None = None,
    limit: int,
) -> ItemStock | None:
    """By facility_id; None if the item isn't known."""
    wanted = (district_id, level, facility_id, status)
    statement = item_stock_statement(*wanted, state=state)
    given = () if state is None else (state,)
    snapshot = await model.fetch(statement, item_id, after, *wanted, limit, *given)
    if not snapshot.row["is_known"]:
        return None
    return ItemStock(snapshot, [PlaceStock(*fields) for fields in snapshot.loads("places")])


def item_stock_statement(
    district_id: str | None,
    level: str | None,
    facility_id: str | None,
    status: str | None,
    *,
    state: str | None = None,
) -> str:
    """Its arguments: item_id, the facility_id to go on after, these four, how many at most, and the
    state if there is one.
    """
    return _statement(is_asked((district_id, level, facility_id)), status, state is not None)


@cache
def _statement(asked: tuple[bool, ...], status: str | None, of_state: bool) -> str:
    places = conditions(("district_id", "level"), asked[:2], first=3)
    if of_state:
        places += " AND state = $8"
    if status is None:
        of_status = "$6::text IS NULL"
    elif status == "unknown":
        of_status = SILENT
    elif status in INDEXED:
        of_status = OF_INDEXED.format(status=status)
    else:
        of_status = "status = $6"
    return ITEM_STOCK.format(
        facility=conditions(("facility_id",), asked[2:], first=5),
        places=of_places(places) if of_state or any(asked[:2]) else places,
        status=of_status,
    )
