"""Facilities as their figures take them: the record in force on a day, counted or not, silent."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Final

import asyncpg

from projections.figures.states import untell

SILENT_OPEN_DAYS: Final = 2
"""A facility is silent when so many whole open days have passed since it was last heard of."""

# Silent until it has been heard of: the first event has it looked at.
ENSURE: Final = """
INSERT INTO facility_state (facility_no, partition, evaluated_on, due, silent)
SELECT facility_no, partition, day, false, true
FROM unnest($1::int[], $2::int[], $3::date[]) AS heard(facility_no, partition, day)
ON CONFLICT DO NOTHING
"""

IS_SILENT: Final = f"""CASE
    WHEN evaluated_on - india_day(last_recorded_at) <= {SILENT_OPEN_DAYS} THEN false
    ELSE open_days_between(
        india_day(last_recorded_at), evaluated_on, closed_weekdays,
        closed_time(facility_id, district_id, state, india_day(last_recorded_at), evaluated_on)
    ) >= {SILENT_OPEN_DAYS} END"""

FIND: Final = f"""
WITH place AS (
    SELECT facility_no, facility_id, was_on, evaluated_on,
           (place.level, place.district_id, place.state) AS was,
           record.level, record.district_id, record.state, parent_id, closed_weekdays,
           last_recorded_at
    FROM (
        SELECT facility_no, level, district_id, state, facility_state.evaluated_on AS was_on,
               coalesce($2::date, facility_state.evaluated_on) AS evaluated_on
        FROM facility_state
    ) AS place JOIN facility_number USING (facility_no)
    LEFT JOIN facility_activity USING (facility_no)
    LEFT JOIN LATERAL (
        SELECT level, district_id, state, parent_facility_id AS parent_id,
               body -> 'closed_weekdays' AS closed_weekdays
        FROM facility_record AS record
        WHERE record.facility_id = facility_number.facility_id
          AND valid_from < india_midnight(evaluated_on + 1)
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS record ON true
    WHERE facility_no = ANY ($1::int[])
)
SELECT facility_no, was_on, evaluated_on, level, district_id, state, parent_id,
       coalesce({IS_SILENT}, true) AS silent,
       was IS DISTINCT FROM (level, district_id, state) AS has_moved
FROM place
"""

PUT: Final = """
UPDATE facility_state AS place
SET evaluated_on = told.evaluated_on, due = false, level = told.level,
    district_id = told.district_id, state = told.state, silent = told.silent,
    parent_id = told.parent_id,
    patients_served = coalesce(served, 0),
    patients_served_in_part = coalesce(served_in_part, 0),
    patients_sent_away = coalesce(sent_away, 0)
FROM unnest($1::int[], $2::date[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::text[])
    AS told(facility_no, evaluated_on, level, district_id, state, silent, parent_id)
LEFT JOIN patient_day ON patient_day.facility_no = told.facility_no AND day = told.evaluated_on
WHERE place.facility_no = told.facility_no
"""

PUT_COLUMNS: Final = (
    "facility_no",
    "evaluated_on",
    "level",
    "district_id",
    "state",
    "silent",
    "parent_id",
)

FIND_HEARD: Final = f"""
SELECT facility_no FROM (
    SELECT facility_no, facility_id, evaluated_on, place.district_id, place.state,
           last_recorded_at, body -> 'closed_weekdays' AS closed_weekdays
    FROM facility_state AS place JOIN facility_number USING (facility_no)
    JOIN facility_activity USING (facility_no)
    LEFT JOIN LATERAL (
        SELECT body FROM facility_record AS record
        WHERE record.facility_id = facility_number.facility_id
          AND valid_from < india_midnight(evaluated_on + 1)
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS record ON true
    WHERE facility_no = ANY ($1::int[]) AND silent
) AS heard WHERE NOT {IS_SILENT}
"""

# Of its first events, so the index along time leads to it soon.
COUNT: Final = """
UPDATE facility_state AS place SET counted_at = counted.occurred_at
FROM unnest($1::int[]) AS asked(facility_no)
LEFT JOIN LATERAL (
    SELECT occurred_at FROM event
    WHERE event.facility_no = asked.facility_no AND type = 'stock_counted'
      AND body -> 'complete' = 'true' AND reversed_at IS NULL
    ORDER BY occurred_at LIMIT 1
) AS counted ON true
WHERE place.facility_no = asked.facility_no AND counted_at IS DISTINCT FROM counted.occurred_at
RETURNING place.facility_no
"""


async def ensure_places(
    connection: "asyncpg.Connection[Any]", heard: Iterable[tuple[int, int, date]]
) -> None:
    """Rows for facilities that have none. (facility_no, partition, day of the first record)."""
    columns = list(zip(*heard, strict=True))
    if columns:
        await connection.execute(ENSURE, *columns)


async def bring_to_day(
    connection: "asyncpg.Connection[Any]", facility_nos: Sequence[int], day: date | None
) -> list[tuple[int, date, date]]:
    """Take up the records that count on `day`; (facility_no, the day before, the day now).

    None: on the day on which each facility stands.
    """
    found = await connection.fetch(FIND, facility_nos, day)
    if moved := [row["facility_no"] for row in found if row["has_moved"]]:
        await untell(connection, moved)
    await connection.execute(
        PUT,
        *([row[name] for row in found] for name in PUT_COLUMNS),
    )
    return [(row["facility_no"], row["was_on"], row["evaluated_on"]) for row in found]


async def find_heard(
    connection: "asyncpg.Connection[Any]", facility_nos: Collection[int]
) -> list[int]:
    """Those that are held to be silent and aren't any more."""
    return [row[0] for row in await connection.fetch(FIND_HEARD, facility_nos)]


async def count_anew(
    connection: "asyncpg.Connection[Any]", facility_nos: Collection[int]
) -> list[int]:
    """Look for the first complete count again; those of which it is another one than before."""
    return [row[0] for row in await connection.fetch(COUNT, facility_nos)]
