"""The records of one patient, by pseudonym. Only `dawalog keys find` asks, and it is audited."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

# No index on the pseudonym: it would cost each dispense, and this is asked a few times a year.
FIND_EVENTS: Final = """
SELECT facility_id, body::text, event.recorded_at, reversed_at IS NOT NULL
FROM event JOIN facility_number USING (facility_no)
WHERE type = 'medicine_dispensed' AND body ->> 'patient_pseudonym' = ANY ($1::text[])
  AND ($2::text IS NULL OR facility_id = $2)
ORDER BY occurred_at, event_id
"""

FIND_SET_ASIDE: Final = """
SELECT facility_id, convert_from(record_value, 'UTF8'), recorded_at FROM dead_letter
WHERE event_id IS NOT NULL AND ($2::text IS NULL OR facility_id = $2)
  AND EXISTS (SELECT FROM unnest($1::text[]) AS pseudonym
              WHERE position(convert_to(pseudonym, 'UTF8') IN record_value) > 0)
ORDER BY topic, partition, log_offset
"""


class PatientRecord(NamedTuple):
    """A dispense as the log holds it. `state`: applied, reversed or set aside."""

    facility_id: str
    body: dict[str, Any]
    recorded_at: datetime
    state: str


async def find_patient_records(
    connection: "asyncpg.Connection[Any]",
    pseudonyms: Collection[str],
    *,
    facility_id: str | None = None,
) -> list[PatientRecord]:
    """In the order in which they occurred, and then what is among the dead letters."""
    arguments = (list(pseudonyms), facility_id)
    return [
        PatientRecord(facility, orjson.loads(body), at, "reversed" if is_reversed else "applied")
        for facility, body, at, is_reversed in await connection.fetch(FIND_EVENTS, *arguments)
    ] + [
        PatientRecord(facility, orjson.loads(body), at, "set aside")
        for facility, body, at in await connection.fetch(FIND_SET_ASIDE, *arguments)
    ]
