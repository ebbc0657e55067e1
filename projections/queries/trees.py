"""A facility and all that are part of it: a hospital, its store and its counters.

Parts of parts count, too. A query takes them one by one with UNION, which ends rings: nothing
forbids those.
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
