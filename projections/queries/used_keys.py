"""Whether a year's privacy keys were used: asked before any are made, which is once a year."""

from datetime import UTC, datetime
from typing import Final

from projections.reading import REFERENCE_ALONE, ReadModel
from stream.key_file import IST

# The newest dispenses of each facility tell. All of a year take too long where none has a patient.
ARE_USED: Final = f"""
SELECT {REFERENCE_ALONE}, EXISTS (
    SELECT FROM facility_number AS facility CROSS JOIN LATERAL (
        SELECT body FROM event
        WHERE event.facility_no = facility.facility_no AND type = 'medicine_dispensed'
          AND occurred_at >= $2 AND occurred_at < $3
        ORDER BY occurred_at DESC, event_id DESC LIMIT 20
    ) AS newest
    WHERE starts_with(coalesce(
        body ->> 'patient_pseudonym', body ->> 'prescription_hash',
        body #>> '{{prescriber,key_id}}', body #>> '{{note,key_id}}'), $1)
) AS are_used
"""


async def are_used(model: ReadModel, state: str, year: int) -> bool:
    """Whether dispenses of that year are projected that keys of that state keep private."""
    first, last = (datetime(each, 1, 1, tzinfo=UTC) - IST for each in (year, year + 1))
    snapshot = await model.fetch(ARE_USED, f"{state}-{year}-", first, last)
    return bool(snapshot.row["are_used"])
