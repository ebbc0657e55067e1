"""Which facilities are registered, for those who take events for them."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from projections.reading import REFERENCE_ALONE, ReadModel, Snapshot, parse_instant
from stream.topics import REFERENCE

_RECORDS: Final = """(
    SELECT json_agg(json_build_array(
        facility_id, valid_from, log_offset, district_id, parent_facility_id))
    FROM facility_record WHERE {which}
) AS records"""

RECORDED_SINCE: Final = f"SELECT {REFERENCE_ALONE}, {_RECORDS.format(which='log_offset >= $1')}"
RECORDED_OF: Final = (
    f"SELECT {REFERENCE_ALONE}, {_RECORDS.format(which='facility_id = ANY ($1::text[])')}"
)


class FacilityRecord(NamedTuple):
    """Where a facility belongs from `valid_from` on; of two from then on, the later one counts."""

    facility_id: str
    valid_from: datetime
    log_offset: int
    district_id: str
    parent_facility_id: str | None


async def list_facility_records(
    model: ReadModel, *, since_offset: int
) -> tuple[list[FacilityRecord], int]:
    """Those at `since_offset` of the topic `reference` or later, and the next offset."""
    snapshot = await model.fetch(RECORDED_SINCE, since_offset)
    next_offset = snapshot.next_offsets.get((REFERENCE, 0), since_offset)
    return _records(snapshot), next_offset


async def find_facility_records(
    model: ReadModel, facility_ids: Collection[str]
) -> list[FacilityRecord]:
    """All records of these facilities, whatever instant they are valid from."""
    return _records(await model.fetch(RECORDED_OF, list(facility_ids)))


def _records(snapshot: Snapshot) -> list[FacilityRecord]:
    return [
        FacilityRecord(facility_id, parse_instant(valid_from), *rest)
        for facility_id, valid_from, *rest in snapshot.loads("records")
    ]
