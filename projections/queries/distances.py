"""How far facilities are from each other, and which near one has more than it should keep."""

from typing import Final

EARTH_RADIUS_KM: Final = 6371.0

# Along a great circle, by the haversine formula; null where a facility has no location.
DISTANCE: Final = f"""
    CASE WHEN here.lat IS NOT NULL AND there.lat IS NOT NULL THEN
        2 * {EARTH_RADIUS_KM} * asin(sqrt(least(1,
            power(sind((there.lat - here.lat) / 2), 2)
            + cosd(here.lat) * cosd(there.lat)
            * power(sind((there.lon - here.lon) / 2), 2))))
    END
"""

# A facility by the record in force now, joined LATERAL to what has its facility_id.
LOCATED: Final = """(
    SELECT name, (body -> 'location' ->> 'lat')::float8 AS lat,
           (body -> 'location' ->> 'lon')::float8 AS lon
    FROM facility_record AS record
    WHERE record.facility_id = known.facility_id AND valid_from <= now()
    ORDER BY valid_from DESC, log_offset DESC LIMIT 1
)"""

# Facilities of `place`'s district that can give: none that is silent.
NEIGHBOURS: Final = """(
    SELECT array_agg(facility_no) AS neighbours FROM facility_state AS near
    WHERE near.district_id = place.district_id AND NOT near.silent
)"""

# Facilities with more of `here`'s item than their maximum, nearest first; `here` has item_no, lat,
# lon, district_id and its NEIGHBOURS. A status is `over` exactly where usable > max_quantity, so
# the index leads to them, and only they are located.
_GIVERS: Final = f"""
    SELECT giver.facility_no, known.facility_id, there.name, giver.district_id, distance_km,
           usable, max_quantity
    FROM {{givers}} AS giver
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = giver.facility_no
        OFFSET 0
    ) AS known
    CROSS JOIN LATERAL {LOCATED} AS there
    CROSS JOIN LATERAL (SELECT {DISTANCE} AS distance_km OFFSET 0) AS away
    ORDER BY distance_km, known.facility_id LIMIT {{limit}}
"""
_OVER: Final = """
    SELECT facility_no, usable, max_quantity FROM item_state
    WHERE item_state.item_no = here.item_no AND status = 'over'"""


def givers_near(limit: int) -> str:
    """Those of the own district."""
    of_district = f"""(
        SELECT held.*, here.district_id FROM (
            {_OVER} AND facility_no = ANY (here.neighbours) OFFSET 0
        ) AS held
    )"""
    return _GIVERS.format(givers=of_district, limit=limit)


def givers_elsewhere(limit: int, condition: str) -> str:
    """Those of all others, if the condition holds."""
    of_others = f"""(
        SELECT held.*, district_id
        FROM ({_OVER} AND {condition} OFFSET 0) AS held JOIN facility_state USING (facility_no)
        WHERE NOT silent AND (district_id = here.district_id) IS NOT TRUE
    )"""
    return _GIVERS.format(givers=of_others, limit=limit)
