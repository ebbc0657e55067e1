"""What is out, longest first, and the nearest facility that has more of it than it should keep."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

from projections.queries.distances import DISTANCE, PLACES
from projections.reading import EVERYTHING, ReadModel, Snapshot

# Along the index of what is out; of a district's facilities, or of one, by facility.
ALL: Final = "item_state"
OF_FACILITIES: Final = """(
    SELECT state.* FROM wanted CROSS JOIN LATERAL (
        SELECT * FROM item_state WHERE item_state.facility_no = wanted.facility_no OFFSET 0
    ) AS state
)"""

# Places in the order of their distance from `here`, up to the first that has more than its maximum.
# OFFSET 0 has them sorted before any is looked at.
NEAREST: Final = f"""
    SELECT there.facility_id, json_build_array(
               there.facility_id, name, district_id, distance_km, can_give) AS told
    FROM (
        SELECT *, {DISTANCE.format(here="here", there="places")} AS distance_km
        FROM places WHERE NOT places.silent AND {{where}}
        ORDER BY distance_km, places.facility_id
        OFFSET 0
    ) AS there
    CROSS JOIN LATERAL (
        SELECT usable - max_quantity AS can_give FROM item_state AS held
        WHERE held.facility_no = there.facility_no AND held.item_no = page.item_no
          AND usable > max_quantity
        OFFSET 0
    ) AS held
    ORDER BY distance_km, there.facility_id LIMIT 1
"""

# A page's rows are looked up by key, so that the walk stops with the page. The nearest are looked
# for in each row's own district; elsewhere only where nobody there has any.
SHORTAGES: Final = f"""
WITH wanted AS MATERIALIZED (
    SELECT facility_no FROM facility_state JOIN facility_number USING (facility_no)
    WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR district_id = $2)
      AND ($3::text IS NULL OR level = $3) AND ($4::text IS NULL OR facility_id = $4)
), page AS MATERIALIZED (
    SELECT facility_no, facility_id, state.item_no, item_id, product.name AS item_name, ved,
           programme, level, district_id, silent, out_since
    FROM {{states}} AS state
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = state.facility_no
        OFFSET 0
    ) AS facility
    CROSS JOIN LATERAL (
        SELECT level, district_id, place.state AS of_state, silent FROM facility_state AS place
        WHERE place.facility_no = state.facility_no
        OFFSET 0
    ) AS place
    CROSS JOIN LATERAL (
        SELECT item_id FROM item_number WHERE item_number.item_no = state.item_no
        OFFSET 0
    ) AS item
    LEFT JOIN LATERAL (
        SELECT name, body ->> 'ved' AS ved, body ->> 'programme' AS programme FROM item_record
        WHERE item_record.item_id = item.item_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS product ON true
    WHERE out_since IS NOT NULL AND tallied_as IS NOT NULL
      AND out_since >= $7 AND (out_since, facility_id, item_id) > ($7, $8::text, $9::text)
      AND ($1 IS NULL OR of_state = $1) AND ($3 IS NULL OR level = $3)
      AND ($5::text IS NULL OR programme = $5) AND ($6::text IS NULL OR ved = $6)
    ORDER BY out_since, facility_id, item_id LIMIT $10
), places AS MATERIALIZED ({PLACES})
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         json_build_array(
             page.facility_id,
             (SELECT name FROM facility WHERE facility.facility_id = page.facility_id),
             page.level, page.district_id, page.item_id, item_name, ved, programme,
             page.silent, out_since,
             (SELECT coalesce(sum(unserved), 0) FROM consumption_day AS used
              WHERE used.facility_no = page.facility_no AND used.item_no = page.item_no
                AND day >= india_day(out_since))),
         surplus)
         ORDER BY out_since, page.facility_id, page.item_id)
     FROM page LEFT JOIN places AS here USING (facility_no)
     LEFT JOIN LATERAL (
         {NEAREST.format(where="places.district_id = page.district_id")}
     ) AS own ON true
     LEFT JOIN LATERAL (
         {NEAREST.format(where="own.facility_id IS NULL")}
     ) AS other ON true
     CROSS JOIN LATERAL (
         SELECT CASE WHEN own.facility_id IS NULL THEN other.told ELSE own.told END AS surplus
     ) AS nearest) AS shortages
"""


class ShortageKey(NamedTuple):
    out_since: datetime
    facility_id: str
    item_id: str


FIRST: Final = ShortageKey(datetime(1, 1, 2, tzinfo=UTC), "", "")


class Surplus(NamedTuple):
    """`can_give` is what is above its maximum. No distance where one of both has no location."""

    facility_id: str
    name: str
    district_id: str | None
    distance_km: float | None
    can_give: int


class Shortage(NamedTuple):
    """`patients_not_served`: lines not dispensed in full, from the day on which it ran out."""

    facility_id: str
    facility_name: str | None
    level: str | None
    district_id: str | None
    item_id: str
    item_name: str | None
    ved: str | None
    programme: str | None
    reporting_silent: bool
    out_since: str
    patients_not_served: int


@dataclass(frozen=True, slots=True)
class Shortages:
    snapshot: Snapshot
    shortages: list[tuple[Shortage, Surplus | None]]


async def list_shortages(
    model: ReadModel,
    *,
    state: str | None = None,
    district_id: str | None = None,
    level: str | None = None,
    facility_id: str | None = None,
    programme: str | None = None,
    ved: str | None = None,
    after: ShortageKey = FIRST,
    limit: int,
) -> Shortages:
    """Essential items that are out at facilities that have been counted."""
    narrow = facility_id is not None or district_id is not None
    snapshot = await model.fetch(
        _statement(narrow),
        *(state, district_id, level, facility_id, programme, ved),
        *after,
        limit,
    )
    return Shortages(
        snapshot,
        [
            (Shortage(*shortage), Surplus(*surplus) if surplus else None)
            for shortage, surplus in snapshot.loads("shortages")
        ],
    )


@cache
def _statement(of_facilities: bool) -> str:
    return SHORTAGES.format(states=OF_FACILITIES if of_facilities else ALL)
