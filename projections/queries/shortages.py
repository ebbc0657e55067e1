"""What is out, longest first, and the nearest facility that has more of it than it should keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

from projections.queries.distances import LOCATED, NEIGHBOURS, givers_elsewhere, givers_near
from projections.queries.filters import conditions, is_asked, of_places
from projections.queries.surplus import Surplus
from projections.reading import EVERYTHING, ReadModel, Snapshot

# Along the index of what is out; of an item, along that of its statuses; of a district's
# facilities, or of one, by facility. What they need is all in the indexes.
ALL: Final = """
    FROM (
        SELECT facility_no, item_no, out_since FROM item_state
        WHERE out_since IS NOT NULL AND tallied_as IS NOT NULL
    ) AS item_state
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = item_state.facility_no
        OFFSET 0
    ) AS known
    CROSS JOIN LATERAL (
        SELECT item_id FROM item_number WHERE item_number.item_no = item_state.item_no
        OFFSET 0
    ) AS item"""
OF_ITEM: Final = """
    FROM (
        SELECT facility_no, item_no, out_since, $7::text COLLATE "C" AS item_id FROM item_state
        WHERE item_no = (SELECT item_no FROM item_number WHERE item_id = $7) AND status = 'out'
          AND out_since IS NOT NULL AND tallied_as IS NOT NULL
    ) AS item_state
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = item_state.facility_no
        OFFSET 0
    ) AS known"""
OF_FACILITIES: Final = """
    FROM facility_state JOIN facility_number AS known USING (facility_no)
    CROSS JOIN LATERAL (
        SELECT item_no, out_since FROM item_state
        WHERE item_state.facility_no = known.facility_no
          AND out_since IS NOT NULL AND tallied_as IS NOT NULL
        OFFSET 0
    ) AS item_state
    JOIN item_number USING (item_no)"""

# As `of_places`.
PRODUCTS: Final = """(
    item_no IN (
        SELECT item_no FROM item_number CROSS JOIN LATERAL (
            SELECT body FROM item_record
            WHERE item_record.item_id = item_number.item_id AND valid_from <= now()
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1
        ) AS record WHERE {products})) IS TRUE"""

# All else is looked up for the page's rows alone. Givers are looked for in each row's own district;
# elsewhere only where nobody there has any.
SHORTAGES: Final = f"""
WITH page AS MATERIALIZED (
    SELECT facility_no, facility_id, item_no, item_id, out_since
    {{states}}
    WHERE out_since >= $8 AND (out_since, facility_id, item_id) > ($8, $9::text, $10::text)
      AND {{places}} AND {{products}}
    ORDER BY out_since, facility_id, item_id LIMIT $11
), here AS MATERIALIZED (
    SELECT known.*, item_name, ved, programme, level, district_id, silent, name, lat, lon,
           neighbours
    FROM page AS known
    CROSS JOIN LATERAL (
        SELECT level, district_id, silent FROM facility_state
        WHERE facility_state.facility_no = known.facility_no
        OFFSET 0
    ) AS place
    CROSS JOIN LATERAL {NEIGHBOURS} AS near
    LEFT JOIN LATERAL {LOCATED} AS located ON true
    LEFT JOIN LATERAL (
        SELECT name AS item_name, body ->> 'ved' AS ved, body ->> 'programme' AS programme
        FROM item_record
        WHERE item_record.item_id = known.item_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS product ON true
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         json_build_array(
             here.facility_id, here.name, level, here.district_id, item_id, item_name, ved,
             programme, silent, out_since,
             (SELECT coalesce(sum(unserved), 0) FROM consumption_day AS used
              WHERE used.facility_no = here.facility_no AND used.item_no = here.item_no
                AND day >= india_day(out_since))),
         CASE WHEN giver.facility_id IS NOT NULL THEN json_build_array(
             giver.facility_id, giver.name, giver.district_id, giver.distance_km,
             giver.usable - giver.max_quantity) END)
         ORDER BY out_since, here.facility_id, item_id)
     FROM here
     LEFT JOIN LATERAL (
         WITH own AS MATERIALIZED ({givers_near(1)})
         TABLE own UNION ALL ({givers_elsewhere(1, "NOT EXISTS (TABLE own)")})
     ) AS giver ON true) AS shortages
"""


class ShortageKey(NamedTuple):
    out_since: datetime
    facility_id: str
    item_id: str


FIRST: Final = ShortageKey(datetime(1, 1, 2, tzinfo=UTC), "", "")


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
    item_id: str | None = None,
    after: ShortageKey = FIRST,
    limit: int,
) -> Shortages:
    """Essential items that are out at facilities that have been counted."""
    wanted = (state, district_id, level, facility_id, programme, ved, item_id)
    snapshot = await model.fetch(shortages_statement(wanted), *wanted, *after, limit)
    return Shortages(
        snapshot,
        [
            (Shortage(*shortage), Surplus(*surplus) if surplus else None)
            for shortage, surplus in snapshot.loads("shortages")
        ],
    )


def shortages_statement(wanted: Sequence[str | None]) -> str:
    """`wanted`: state, district_id, level, facility_id, programme, ved, item_id; its first
    arguments. Then come the key to go on after, and how many at most.
    """
    return _statement(is_asked(wanted))


@cache
def _statement(asked: tuple[bool, ...]) -> str:
    state, district, level, facility, *_, item = asked
    places = conditions(("state", "district_id", "level", "facility_id"), asked[:4])
    products = conditions(("body ->> 'programme'", "body ->> 'ved'"), asked[4:6], first=5)
    if any(asked[4:6]):
        products = PRODUCTS.format(products=products)
    states = OF_FACILITIES
    if not facility and (item or not district):
        states = OF_ITEM if item else ALL
        places = of_places(places) if state or district or level else places
    of_item = conditions(("item_id",), asked[6:], first=7)
    return SHORTAGES.format(states=states, places=places, products=f"{products} AND {of_item}")
