"""A facility and all that are part of it: a hospital, its store and its counters.

Parts of parts count, too. A query takes them one by one with UNION, which ends rings: nothing
forbids those.
"""

from typing import Final

HEARD: Final = """
    SELECT CASE WHEN place.facility_id IN (
        SELECT parent_id FROM facility_state WHERE parent_id IS NOT NULL
    ) THEN (
        WITH RECURSIVE member AS (
            SELECT place.facility_no
            UNION
            SELECT part.facility_no FROM member
            JOIN facility_number AS whole ON whole.facility_no = member.facility_no
            JOIN facility_state AS part ON part.parent_id = whole.facility_id
        )
        SELECT max(CASE WHEN NOT its.silent THEN 2 WHEN last_recorded_at IS NOT NULL THEN 1
                        ELSE 0 END)
        FROM member JOIN facility_state AS its USING (facility_no)
        LEFT JOIN facility_activity USING (facility_no)
    ) ELSE (
        SELECT count(*) FROM facility_activity AS heard
        WHERE heard.facility_no = place.facility_no
    ) END AS heard OFFSET 0
"""
"""Of a `place` that is silent itself: 2 where a part of it reports, 1 where something was heard of
it once, or of a part; 0 where nothing ever was. Most have no parts, and few are silent.
"""


def parts_of(whole: str, *, at: str) -> str:
    """A table and a condition, to join: `record`s in force at an instant of what is part of a
    facility. `whole` is its facility_id.
    """
    return f"""
        facility_record AS record ON record.parent_facility_id = {whole}
         AND record.valid_from <= {at} AND NOT EXISTS (
            SELECT FROM facility_record AS newer
            WHERE newer.facility_id = record.facility_id AND newer.valid_from <= {at}
              AND (newer.valid_from, newer.log_offset) > (record.valid_from, record.log_offset))"""
