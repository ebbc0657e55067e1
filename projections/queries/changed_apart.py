"""Whose stock changed since a mark though no event says so: lots expired, reference records came.

For those who pull: it takes longer than what `projections.queries.changed` finds. What only the
window of consumption changes, as each new day does, isn't among it.
"""

from typing import Final

from stream.topics import STOCK_EVENTS

# `low` and so `bound.instant` is before all that is new: what was recorded earlier was known to the
# mark, which is no older than that. Where nothing is new it is the newest of all.
_SINCE: Final = f"""
since AS MATERIALIZED (
    SELECT coalesce(
        (SELECT max(recorded_at) FROM event WHERE recorded_at < (SELECT instant FROM bound)),
        (SELECT max(recorded_at) FROM position
         WHERE topic = '{STOCK_EVENTS}' AND NOT EXISTS (SELECT FROM moved))
    ) AS instant
)"""

_CAME: Final = """(
    log_offset >= $2
    OR valid_from > recorded_at AND valid_from > (SELECT instant FROM since) AND valid_from <= now()
)"""

# To be read after CHANGED. A record concerns a facility or a level or all, and an item or all; of a
# norm all its versions do, as in `projections.figures.due`. On the mark's own day nothing expired
# yet, and no card is looked at.
CHANGED_APART: Final = f"""
{_SINCE}, concerned_apart AS MATERIALIZED (
    SELECT NULL::text COLLATE "C" AS facility_id, NULL::text COLLATE "C" AS level, item_id
    FROM item_record WHERE {_CAME}
    UNION
    SELECT facility_id, NULL, NULL FROM facility_record WHERE {_CAME}
    UNION
    SELECT facility_id, level, item_id FROM norm_record
    WHERE norm_id IN (SELECT norm_id FROM norm_record WHERE {_CAME})
), changed_apart AS (
    SELECT facility_no, item_no FROM card
    WHERE (SELECT india_day(instant) < india_day(now()) FROM since)
      AND expiry >= (SELECT india_day(instant) FROM since) AND expiry < india_day(now())
      AND on_hand <> 0
    UNION
    SELECT facility_no, card.item_no
    FROM concerned_apart AS named JOIN item_number USING (item_id)
    CROSS JOIN LATERAL (
        SELECT facility_no, item_no FROM card WHERE card.item_no = item_number.item_no OFFSET 0
    ) AS card
    JOIN facility_number AS known USING (facility_no)
    LEFT JOIN facility_state AS place USING (facility_no)
    WHERE (named.facility_id IS NULL OR named.facility_id = known.facility_id)
      AND (named.level IS NULL OR named.level = place.level)
    UNION
    SELECT facility_no, card.item_no
    FROM concerned_apart AS named JOIN facility_number AS known
      ON named.facility_id IS NULL OR named.facility_id = known.facility_id
    LEFT JOIN facility_state AS place USING (facility_no)
    CROSS JOIN LATERAL (
        SELECT item_no FROM card WHERE card.facility_no = known.facility_no OFFSET 0
    ) AS card
    WHERE named.item_id IS NULL AND (named.level IS NULL OR named.level = place.level)
)"""

# Up to where all partitions have taken records up; null while facilities are still evaluated for
# what is taken up.
TAKEN_UP: Final = f"""
SELECT CASE WHEN NOT EXISTS (SELECT FROM facility_state WHERE due) THEN (
    SELECT min(coalesce(reference_offset, 0))
    FROM position LEFT JOIN reference_taken USING (partition) WHERE topic = '{STOCK_EVENTS}'
) END
"""
