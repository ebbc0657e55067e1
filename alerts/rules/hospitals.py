"""Rules about how a facility works look at it as a whole: with its store and its counters."""

from typing import Final

from projections.queries.trees import parts_of

# What is nobody's part is asked for as NOT EXISTS: of `parent IS NULL` the planner thinks that it
# is rare, and then reads every member again for each root.
MEMBERS: Final = f"""
    root AS MATERIALIZED (
        SELECT * FROM place WHERE level IS NOT NULL AND NOT EXISTS (
            SELECT FROM (
                SELECT parent_facility_id FROM facility_record AS record
                WHERE record.facility_id = place.facility_id AND valid_from <= {{now}}
                ORDER BY valid_from DESC, log_offset DESC LIMIT 1
            ) AS newest WHERE parent_facility_id IS NOT NULL)
    ), part AS (
        SELECT facility_no AS root_no, facility_id AS part_id FROM root
        UNION
        SELECT root_no, record.facility_id FROM part JOIN {parts_of("part.part_id", at="{now}")}
    ), member AS MATERIALIZED (
        SELECT root.*, number.facility_no AS member_no, part_id AS member_id
        FROM part JOIN root ON root.facility_no = root_no
        JOIN facility_number AS number ON number.facility_id = part_id
    )
"""
"""For a WITH RECURSIVE: `member`, of each facility that is part of no other all that is part of it,
itself too: the columns of the whole's `place`, and `member_no`, `member_id`. Rules group it by the
whole, once, rather than look into it for each. Parts lie in partitions of their own, so what
happens at one is seen by and by.
"""

LAST_DISPENSED: Final = """
    SELECT occurred_at AS dispensed_at FROM event
    WHERE event.facility_no = member_no AND type = 'medicine_dispensed' AND reversed_at IS NULL
    ORDER BY occurred_at DESC LIMIT 1
"""
"""Of a `member`: when it last gave something out, or was asked to."""
