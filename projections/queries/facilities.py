"""Which facilities are registered, for those who take events for them."""

from collections.abc import Collection
from typing import Final

from projections.reading import REFERENCE_ALONE, ReadModel
from stream.topics import REFERENCE

REGISTERED_SINCE: Final = f"""
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(DISTINCT facility_id) FROM facility_record WHERE log_offset >= $1)
        AS facility_ids
"""

REGISTERED: Final = f"""
SELECT {REFERENCE_ALONE},
    (SELECT json_agg(DISTINCT facility_id) FROM facility_record
     WHERE facility_id = ANY ($1::text[])) AS facility_ids
"""


async def list_facility_ids(model: ReadModel, *, since_offset: int) -> tuple[list[str], int]:
    """Ids registered at `since_offset` of the topic `reference` or later, and the next offset."""
    snapshot = await model.fetch(REGISTERED_SINCE, since_offset)
    next_offset = snapshot.next_offsets.get((REFERENCE, 0), since_offset)
    return snapshot.loads("facility_ids"), next_offset


async def find_facility_ids(model: ReadModel, facility_ids: Collection[str]) -> list[str]:
    """Those of `facility_ids` that are registered, whatever instant they are valid from."""
    snapshot = await model.fetch(REGISTERED, list(facility_ids))
    ids: list[str] = snapshot.loads("facility_ids")
    return ids
