"""What no event asks for: a new day has begun, or reference records changed.

The owner of a partition works it off, some facilities a transaction. Records are taken up in the
log's order: `reference_taken` says up to where, so nothing is forgotten when a worker stops.
"""

from collections.abc import Collection
from datetime import date
from typing import Any, Final

import asyncpg

from projections.figures.evaluating import evaluate_items
from projections.figures.places import ensure_places
from stream.topics import REFERENCE, partition_for

FACILITIES_AT_ONCE: Final = 3
"""Events that come meanwhile wait for one transaction of these. More at once cost no less each."""

MOST_ITEMS: Final = 20
"""With changes of more items than that, their facilities are evaluated whole."""

# Partitions of which records wait to be taken up, from which offset and to which.
FIND_BEHIND: Final = f"""
SELECT partition, coalesce(reference_offset, 0) AS first, next_offset AS stop
FROM unnest($1::int[]) AS own(partition) LEFT JOIN reference_taken USING (partition)
CROSS JOIN (SELECT next_offset FROM position WHERE topic = '{REFERENCE}' AND partition = 0)
    AS projected
WHERE next_offset > coalesce(reference_offset, 0)
"""

# `everywhere`: every facility may be concerned. Of norms and recalls all versions of what changed
# count: an item may have been named by an earlier one alone.
FIND_CHANGED: Final = """
WITH norm AS (
    SELECT * FROM norm_record
    WHERE norm_id IN (SELECT norm_id FROM norm_record WHERE log_offset >= $1 AND log_offset < $2)
), closure AS (
    SELECT * FROM closure_record WHERE closure_id IN (
        SELECT closure_id FROM closure_record WHERE log_offset >= $1 AND log_offset < $2)
), recalled AS (
    SELECT DISTINCT item_id FROM recall_record WHERE recall_id IN (
        SELECT recall_id FROM recall_record WHERE log_offset >= $1 AND log_offset < $2)
)
SELECT ARRAY(
    SELECT facility_id FROM facility_record WHERE log_offset >= $1 AND log_offset < $2
    UNION SELECT facility_id FROM norm WHERE facility_id IS NOT NULL
    UNION SELECT facility_id FROM closure WHERE facility_id IS NOT NULL
) AS facility_ids, ARRAY(
    SELECT item_id FROM item_record WHERE log_offset >= $1 AND log_offset < $2
    UNION SELECT item_id FROM norm WHERE facility_id IS NULL AND item_id IS NOT NULL
    UNION SELECT item_id FROM recalled
) AS item_ids, ARRAY(SELECT item_id FROM recalled) AS recalled_ids,
    EXISTS (SELECT FROM norm WHERE facility_id IS NULL AND item_id IS NULL)
    OR EXISTS (SELECT FROM closure WHERE facility_id IS NULL) AS everywhere
"""

FIND_NUMBERS: Final = """
SELECT facility_no FROM facility_number WHERE facility_id = ANY ($1::text[])
"""

LIST_ITEMS: Final = """
SELECT place.facility_no, item_no, item_id = ANY ($3::text[]) AS is_recalled
FROM facility_state AS place CROSS JOIN item_number
WHERE partition = $1 AND item_id = ANY ($2::text[]) AND (
    EXISTS (SELECT FROM item_state AS state WHERE state.facility_no = place.facility_no
                                              AND state.item_no = item_number.item_no)
    OR counted_at IS NOT NULL AND (
        SELECT body -> 'levels' ? place.level FROM item_record
        WHERE item_record.item_id = item_number.item_id
          AND valid_from < india_midnight(evaluated_on + 1)
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1))
"""

MARK: Final = "UPDATE facility_state SET due = true WHERE partition = $1 AND NOT due"

MARK_SOME: Final = """
UPDATE facility_state SET due = true WHERE facility_no = ANY ($1::int[]) AND NOT due
"""

TAKE: Final = """
INSERT INTO reference_taken VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET reference_offset = excluded.reference_offset
"""

TAKE_AGAIN: Final = """
UPDATE reference_taken SET reference_offset = least(reference_offset, $1)
"""

# Those that are marked; else, where asked for, those that stand on an earlier day.
FIND_DUE: Final = """
(SELECT facility_no, partition FROM facility_state WHERE partition = ANY ($1::int[]) AND due
 LIMIT $3)
UNION
(SELECT facility_no, partition FROM facility_state
 WHERE $2::date IS NOT NULL AND partition = ANY ($1::int[]) AND evaluated_on < $2
 LIMIT $3)
LIMIT $3
"""


async def find_behind(
    connection: "asyncpg.Connection[Any]", partitions: Collection[int]
) -> list[tuple[int, int, int]]:
    """(partition, first offset, stop) of the records that are to be taken up in each."""
    return [tuple(row) for row in await connection.fetch(FIND_BEHIND, list(partitions))]


async def take_up_records(
    connection: "asyncpg.Connection[Any]",
    partition: int,
    first: int,
    stop: int,
    *,
    partitions: int,
    today: date,
) -> None:
    """Take up what changed for one partition, of `partitions`, within the caller's transaction."""
    changed = await connection.fetchrow(FIND_CHANGED, first, stop)
    assert changed is not None
    own = [id_ for id_ in changed["facility_ids"] if partition_for(id_, partitions) == partition]
    if own:
        numbers = [row[0] for row in await connection.fetch(FIND_NUMBERS, own)]
        await ensure_places(connection, ((number, partition, today) for number in numbers))
        await connection.execute(MARK_SOME, numbers)
    item_ids, recalled = changed["item_ids"], changed["recalled_ids"]
    if changed["everywhere"] or len(item_ids) > MOST_ITEMS:
        await connection.execute(MARK, partition)
        item_ids = recalled
    if item_ids:
        rows = await connection.fetch(LIST_ITEMS, partition, item_ids, recalled)
        await evaluate_items(
            connection,
            [(facility_no, item_no) for facility_no, item_no, _ in rows],
            [(facility_no, item_no) for facility_no, item_no, is_recalled in rows if is_recalled],
        )
    await connection.execute(TAKE, partition, stop)


async def take_up_again(connection: "asyncpg.Connection[Any]", log_offset: int) -> None:
    """A record that was set aside before has been applied: its partitions go back to it."""
    await connection.execute(TAKE_AGAIN, log_offset)


async def find_due(
    connection: "asyncpg.Connection[Any]", partitions: Collection[int], today: date | None
) -> list[tuple[int, int]]:
    """(facility_no, partition) of some facilities to be evaluated now.

    None: those that stand on an earlier day are not looked for.
    """
    rows = await connection.fetch(FIND_DUE, list(partitions), today, FACILITIES_AT_ONCE)
    return [tuple(row) for row in rows]
