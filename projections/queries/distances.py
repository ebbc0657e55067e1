"""Where facilities are, and how far they are from each other."""

from typing import Final

EARTH_RADIUS_KM: Final = 6371.0

# Registered facilities that have been heard of, by the records in force now.
PLACES: Final = """
    SELECT facility_no, facility_id, name, place.level, place.district_id, silent,
           (body -> 'location' ->> 'lat')::float8 AS lat,
           (body -> 'location' ->> 'lon')::float8 AS lon
    FROM facility JOIN facility_number USING (facility_id)
    JOIN facility_state AS place USING (facility_no)
"""

# Along a great circle, by the haversine formula; null where a facility has no location.
DISTANCE: Final = f"""
    CASE WHEN {{here}}.lat IS NOT NULL AND {{there}}.lat IS NOT NULL THEN
        2 * {EARTH_RADIUS_KM} * asin(sqrt(least(1,
            power(sind(({{there}}.lat - {{here}}.lat) / 2), 2)
            + cosd({{here}}.lat) * cosd({{there}}.lat)
            * power(sind(({{there}}.lon - {{here}}.lon) / 2), 2))))
    END
"""
