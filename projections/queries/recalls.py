"""Recalls of a lot: which are in force, where the lot is now, who got it."""

from typing import Final

# Those in force at a `moment` (as_of, known_at).
IN_FORCE: Final = """
    SELECT * FROM (
        SELECT DISTINCT ON (recall_id) * FROM recall_record
        WHERE valid_from <= (SELECT as_of FROM moment)
          AND recorded_at <= (SELECT known_at FROM moment)
        ORDER BY recall_id DESC, valid_from DESC, log_offset DESC
    ) AS newest WHERE NOT lifted
"""

# Whether receipts of the lot of `candidate` name its manufacturer; null where none names any. What
# came by transfer doesn't say who made it.
MADE_BY: Final = """(
    SELECT bool_or(spelling(maker.manufacturer) = spelling(candidate.manufacturer))
    FROM lot_manufacturer AS maker JOIN event USING (facility_no, event_id)
    WHERE maker.facility_no = candidate.facility_no AND maker.item_no = candidate.item_no
      AND maker.lot = candidate.lot AND event.recorded_at <= (SELECT known_at FROM moment)
      AND (event.reversed_at IS NULL OR event.reversed_at > (SELECT known_at FROM moment))
)"""
