"""Whether anybody knows the facilities, districts and items that are asked for."""

from collections.abc import Collection
from typing import Final

from projections.reading import REFERENCE_ALONE, ReadModel

UNKNOWN: Final = f"""
SELECT {REFERENCE_ALONE},
    (SELECT min(asked.id) FROM unnest($1::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM facility_record WHERE facility_id = asked.id)
       AND NOT EXISTS (SELECT FROM facility_number WHERE facility_id = asked.id)) AS facility,
    (SELECT min(asked.id) FROM unnest($2::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM district_record WHERE district_id = asked.id)
       AND NOT EXISTS (SELECT FROM facility_record WHERE district_id = asked.id)) AS district,
    (SELECT min(asked.id) FROM unnest($3::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM item_record WHERE item_id = asked.id)
       AND NOT EXISTS (SELECT FROM item_number WHERE item_id = asked.id)
       AND NOT EXISTS (SELECT FROM recall_record WHERE item_id = asked.id)
       AND NOT EXISTS (SELECT FROM norm_record WHERE item_id = asked.id)) AS item
"""


async def find_unknown(
    model: ReadModel,
    *,
    facility_ids: Collection[str] = (),
    district_ids: Collection[str] = (),
    item_ids: Collection[str] = (),
) -> tuple[str, str] | None:
    """The kind and id of one that nobody knows, None where all are known."""
    asked = (list(facility_ids), list(district_ids), list(item_ids))
    snapshot = await model.fetch(UNKNOWN, *asked)
    for kind in ("facility", "district", "item"):
        if (unknown_id := snapshot.row[kind]) is not None:
            return kind, unknown_id
    return None
