"""Rules about how a facility works look at it as a whole: with its store and its counters."""

from typing import Final

from projections.queries.trees import parts_of

WHOLE: Final = f"""
    root AS MATERIALIZED (
        SELECT * FROM place WHERE level IS NOT NULL AND (
            SELECT parent_facility_id FROM facility_record AS record
            WHERE record.facility_id = place.facility_id AND valid_from <= {{now}}
            ORDER BY valid_from DESC, log_offset DESC LIMIT 1
        ) IS NULL
    ), part AS (
        SELECT facility_no AS root_no, facility_id AS part_id FROM root
        UNION
        SELECT root_no, record.facility_id FROM part JOIN {parts_of("part.part_id", at="{now}")}
    ), member AS MATERIALIZED (
        SELECT root_no, facility_no, facility_id FROM part
        JOIN facility_number ON facility_id = part_id
    )
"""
"""For a WITH RECURSIVE: `root`, the columns of `place`, of those that are part of no other; and
`member` (root_no, facility_no, facility_id): each with all that is part of it. Parts lie in
partitions of their own, so what happens at one is seen by and by.
"""

LAST_DISPENSED: Final = """
    SELECT max(last_at) AS dispensed_at FROM member CROSS JOIN LATERAL (
        SELECT occurred_at AS last_at FROM event
        WHERE event.facility_no = member.facility_no AND type = 'medicine_dispensed'
          AND reversed_at IS NULL
        ORDER BY occurred_at DESC LIMIT 1
    ) AS latest
    WHERE member.root_no = root.facility_no
"""
"""Of a `root`: when it last gave something out, or was asked to."""
