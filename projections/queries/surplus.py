"""The nearest facility of a district that has more of an item than it should keep, for many needs.

A district is looked at once, item by item, and not anew for each need: digests have thousands.
"""

from typing import Final, NamedTuple

from projections.queries.distances import DISTANCE, LOCATED

_NEAREST: Final = f"""
    neighbour AS MATERIALIZED (
        SELECT facility_no, known.facility_id, silent, name, lat, lon
        FROM facility_state JOIN facility_number AS known USING (facility_no)
        CROSS JOIN LATERAL {LOCATED} AS located
        WHERE district_id = $1
    ), need AS MATERIALIZED (
        SELECT DISTINCT facility_no, item_no FROM ({{needs}}) AS asked
    ), surplus AS MATERIALIZED (
        SELECT item_no, array_agg(facility_no ORDER BY facility_id) AS facility_nos,
               array_agg(lat ORDER BY facility_id) AS lats,
               array_agg(lon ORDER BY facility_id) AS lons,
               array_agg(usable - max_quantity ORDER BY facility_id) AS spare
        FROM (SELECT DISTINCT item_no FROM need) AS needed CROSS JOIN LATERAL (
            SELECT facility_no, usable, max_quantity FROM item_state
            WHERE item_state.item_no = needed.item_no AND status = 'over'
              AND facility_no = ANY (ARRAY(SELECT facility_no FROM neighbour WHERE NOT silent))
            OFFSET 0
        ) AS held JOIN neighbour USING (facility_no)
        GROUP BY item_no
    ), nearest AS MATERIALIZED (
        SELECT need.facility_no, need.item_no, json_build_array(
                   giver.facility_id, giver.name, $1::text,
                   round(distance_km::numeric, 1), can_give) AS nearest_surplus
        FROM need JOIN surplus USING (item_no) JOIN neighbour AS here USING (facility_no)
        CROSS JOIN LATERAL (
            SELECT there.facility_no AS giver_no, can_give, {DISTANCE} AS distance_km
            FROM unnest(facility_nos, lats, lons, spare) WITH ORDINALITY
                AS there (facility_no, lat, lon, can_give, number)
            ORDER BY distance_km, number LIMIT 1
        ) AS near
        JOIN neighbour AS giver ON giver.facility_no = giver_no
    )
"""


class Surplus(NamedTuple):
    """`can_give` is what is above its maximum. No distance where one of both has no location."""

    facility_id: str
    name: str
    district_id: str | None
    distance_km: float | None
    can_give: int


def nearest_surplus(needs: str) -> str:
    """CTEs that end in `nearest` (facility_no, item_no, nearest_surplus: a `Surplus` as an array).

    `needs`: a SELECT of (facility_no, item_no) of the district $1. Silent facilities are no givers.
    """
    return _NEAREST.format(needs=needs)
