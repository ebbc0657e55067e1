"""Stock-outs, past and open, with the time for which the facility was closed meanwhile."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

from projections.queries.filters import conditions, is_asked, of_places
from projections.reading import EVERYTHING, ReadModel, Snapshot

# Along the index on time; of one facility, or of a district's, by facility.
ALL: Final = "stock_out"
OF_FACILITIES: Final = """(
    SELECT stock_out.* FROM place CROSS JOIN LATERAL (
        SELECT * FROM stock_out WHERE stock_out.facility_no = place.facility_no OFFSET 0
    ) AS stock_out
)"""

STOCK_OUTS: Final = f"""
WITH place AS MATERIALIZED (
    SELECT facility_no, facility_id FROM facility_state JOIN facility_number USING (facility_no)
    WHERE ($1::text IS NULL OR facility_id = $1) AND {{places}}
), page AS MATERIALIZED (
    SELECT facility_no, facility_id, item_id, began_at, ended_at
    FROM {{stock_outs}} AS stock_out
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = stock_out.facility_no
        OFFSET 0
    ) AS facility
    CROSS JOIN LATERAL (
        SELECT item_id FROM item_number WHERE item_number.item_no = stock_out.item_no
        OFFSET 0
    ) AS product
    WHERE began_at >= $6 AND (began_at, facility_id, item_id) > ($6, $7::text, $8::text)
      AND ($2::text IS NULL OR item_id = $2)
      AND ($4::timestamptz IS NULL OR ended_at IS NULL OR ended_at >= $4)
      AND ($5::timestamptz IS NULL OR began_at <= $5) AND {{walked}}
    ORDER BY began_at, facility_id, item_id LIMIT $9
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = page.facility_id),
         item_id,
         (SELECT name FROM item WHERE item.item_id = page.item_id),
         began_at, ended_at,
         floor(extract(epoch FROM upper(span) - lower(span)))::bigint,
         (SELECT floor(coalesce(sum(extract(epoch FROM upper(shut) - lower(shut))), 0))::bigint
          FROM unnest(tstzmultirange(span) * closed_time(
              facility_id, district_id, state, india_day(lower(span)), india_day(upper(span))
          )) AS shut)) ORDER BY began_at, facility_id, item_id)
     FROM page JOIN facility_state USING (facility_no)
     CROSS JOIN LATERAL (
         SELECT tstzrange(began_at, greatest(began_at, coalesce(ended_at, now()))) AS span
     ) AS lasted) AS stock_outs
"""


class StockOutKey(NamedTuple):
    began_at: datetime
    facility_id: str
    item_id: str


FIRST: Final = StockOutKey(datetime(1, 1, 2, tzinfo=UTC), "", "")


class PastStockOut(NamedTuple):
    """`seconds` of one that is open are until now; `closed_seconds` are of closures within."""

    facility_id: str
    facility_name: str | None
    item_id: str
    item_name: str | None
    began_at: str
    ended_at: str | None
    seconds: int
    closed_seconds: int


@dataclass(frozen=True, slots=True)
class StockOuts:
    snapshot: Snapshot
    stock_outs: list[PastStockOut]


async def list_stock_outs(
    model: ReadModel,
    *,
    facility_id: str | None = None,
    item_id: str | None = None,
    state: str | None = None,
    district_id: str | None = None,
    level: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: StockOutKey = FIRST,
    limit: int,
) -> StockOuts:
    """By key, those of which some instant is from `since` to `until`."""
    snapshot = await model.fetch(
        _statement(facility_id is not None, is_asked((district_id, state, level))),
        facility_id,
        item_id,
        district_id,
        since,
        until,
        *after,
        limit,
        state,
        level,
    )
    return StockOuts(snapshot, [PastStockOut(*fields) for fields in snapshot.loads("stock_outs")])


@cache
def _statement(of_facility: bool, asked: tuple[bool, ...]) -> str:
    places = " AND ".join(
        (
            conditions(("district_id",), asked[:1], first=3),
            conditions(("state", "level"), asked[1:], first=10),
        )
    )
    if of_facility or asked[0]:
        return STOCK_OUTS.format(stock_outs=OF_FACILITIES, places=places, walked="true")
    walked = of_places(places) if any(asked) else places
    return STOCK_OUTS.format(stock_outs=ALL, places=places, walked=walked)
