"""The state at a glance: facilities with their items in stock and out, the newest events, the pace.

Its cost is bounded by the page and by constants, however many facilities and events there are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from projections.queries.recalls import IN_FORCE, MADE_BY
from projections.reading import EVERYTHING, ReadModel, Snapshot

PACE_SECONDS: Final = 60
PACE_EVENTS: Final = 5_000
"""The pace is taken over the last minute, or over so many events where a minute has more."""
NEWEST_EVENTS: Final = 20
NEWEST_LINES: Final = 3

# `good_until` is the last day on which something of an item may be given: `projections.usable`,
# reduced to yes or no. `left_through` runs over an item's lots in the order in which a deficit on
# the unrecorded card is charged to them: those up to which it isn't above 0 are used up.
# MATERIALIZED keeps the planner, which has no statistics of young tables, from counting anew for
# each facility (2.5 s instead of 0.1).
OVERVIEW: Final = f"""
WITH place AS MATERIALIZED (
    SELECT facility_id, name, level, parent_facility_id, district_id, facility_no,
           (now() AT TIME ZONE zone_or_india(time_zone))::date AS today,
           (SELECT last_recorded_at FROM facility_activity AS activity
            WHERE activity.facility_no = facility_number.facility_no) AS last_heard_at
    FROM (
        SELECT DISTINCT ON (facility_id) * FROM facility_record
        WHERE valid_from <= now() AND facility_id > $1
          AND ($2::text IS NULL OR facility_id IN (
              SELECT facility_id FROM facility_record WHERE district_id = $2))
        ORDER BY facility_id, valid_from DESC, log_offset DESC
    ) AS facility LEFT JOIN facility_number USING (facility_id)
    WHERE $2 IS NULL OR district_id = $2
    ORDER BY facility_id LIMIT $3
), counting AS (
    SELECT DISTINCT ON (facility_id) district_id FROM facility_record
    WHERE valid_from <= now()
      AND ($2 IS NULL OR facility_id IN (
          SELECT facility_id FROM facility_record WHERE district_id = $2))
    ORDER BY facility_id DESC, valid_from DESC, log_offset DESC
), catalogue AS MATERIALIZED (
    SELECT item_no, body -> 'levels' AS levels FROM item LEFT JOIN item_number USING (item_id)
), listed AS MATERIALIZED (
    SELECT level, count(*) AS items FROM (SELECT DISTINCT level FROM place) AS asked
    JOIN catalogue ON levels ? level
    GROUP BY level
), moment AS MATERIALIZED (
    SELECT now() AS as_of, 'infinity'::timestamptz AS known_at
), not_usable AS MATERIALIZED (
    SELECT facility_no, item_no, lot FROM (
        SELECT DISTINCT ON (facility_no, item_no, lot) *
        FROM lot_hold JOIN event USING (facility_no, event_id)
        WHERE facility_no = ANY (ARRAY(SELECT facility_no FROM place)) AND reversed_at IS NULL
        ORDER BY facility_no, item_no, lot, lot_hold.occurred_at DESC, event_id DESC
    ) AS newest WHERE is_hold
    UNION
    SELECT facility_no, item_no, lot FROM (
        SELECT card.*, recall.lot AS recalled_lot, recall.manufacturer
        FROM ({IN_FORCE}) AS recall JOIN item_number USING (item_id) JOIN card USING (item_no)
        WHERE facility_no = ANY (ARRAY(SELECT facility_no FROM place)) AND card.lot <> ''
        OFFSET 0 -- spellings are dear: those of the recalled items' lots alone
    ) AS candidate
    WHERE spelling(lot) = spelling(recalled_lot)
      AND (manufacturer IS NULL OR coalesce({MADE_BY}, true))
    UNION
    SELECT facility_no, item_no, lot FROM (
        SELECT facility_no, item_no, card.lot,
               unrecorded.on_hand + sum(card.on_hand) OVER (
                   PARTITION BY facility_no, item_no ORDER BY card.expiry, card.lot
               ) AS left_through
        FROM card AS unrecorded JOIN card USING (facility_no, item_no)
        WHERE facility_no = ANY (ARRAY(SELECT facility_no FROM place))
          AND unrecorded.lot = '' AND unrecorded.on_hand < 0
          AND card.lot <> '' AND card.on_hand > 0
    ) AS charged WHERE left_through <= 0
), stocked AS (
    SELECT facility_no, item_no,
           max(CASE lot WHEN '' THEN 'infinity' ELSE coalesce(expiry, 'infinity') END)
               FILTER (WHERE on_hand > 0 AND (facility_no, item_no, lot) NOT IN (
                   SELECT facility_no, item_no, lot FROM not_usable)) AS good_until
    FROM card WHERE facility_no = ANY (ARRAY(SELECT facility_no FROM place))
    GROUP BY facility_no, item_no
), counted AS MATERIALIZED (
    SELECT facility_no,
           count(*) FILTER (WHERE levels ? level IS NOT TRUE) AS beside_list,
           count(*) FILTER (WHERE good_until >= today) AS in_stock
    FROM stocked JOIN place USING (facility_no) LEFT JOIN catalogue USING (item_no)
    GROUP BY facility_no
), of_district AS MATERIALIZED (
    SELECT facility_no FROM facility JOIN facility_number USING (facility_id)
    WHERE district_id = $2
), pace AS MATERIALIZED (
    SELECT recorded_at, facility_no FROM event
    WHERE recorded_at > now() - interval '{PACE_SECONDS} seconds'
    ORDER BY recorded_at DESC LIMIT {PACE_EVENTS}
), newest AS MATERIALIZED (
    SELECT * FROM (
        (SELECT * FROM event WHERE $2 IS NULL ORDER BY recorded_at DESC LIMIT {NEWEST_EVENTS})
        UNION ALL
        SELECT latest.* FROM (
            SELECT facility_no FROM facility_activity JOIN of_district USING (facility_no)
            ORDER BY last_recorded_at DESC LIMIT {NEWEST_EVENTS}
        ) AS heard CROSS JOIN LATERAL (
            SELECT * FROM event WHERE event.facility_no = heard.facility_no
            ORDER BY occurred_at DESC, event_id DESC LIMIT {NEWEST_EVENTS}
        ) AS latest
    ) AS found ORDER BY recorded_at DESC LIMIT {NEWEST_EVENTS}
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         facility_id, name, level, parent_facility_id, district_id,
         (SELECT name FROM district WHERE district.district_id = place.district_id),
         coalesce(beside_list, 0) + coalesce(items, 0), coalesce(in_stock, 0), last_heard_at)
         ORDER BY facility_id)
     FROM place LEFT JOIN counted USING (facility_no) LEFT JOIN listed USING (level)
    ) AS facilities,
    (SELECT count(*) FROM counting WHERE $2 IS NULL OR district_id = $2) AS facility_count,
    (SELECT count(*) FROM pace) AS pace_events,
    (SELECT count(*) FROM pace
     WHERE $2 IS NULL OR facility_no IN (SELECT facility_no FROM of_district)) AS own_events,
    (SELECT min(recorded_at) FROM pace) AS pace_since,
    (SELECT json_agg(json_build_array(
         event_id, type, facility_id,
         (SELECT name FROM facility WHERE facility.facility_id = facility_number.facility_id),
         occurred_at, recorded_at, jsonb_array_length(coalesce(body -> 'lines', '[]')), lines)
         ORDER BY recorded_at DESC, event_id)
     FROM newest JOIN facility_number USING (facility_no) LEFT JOIN LATERAL (
         SELECT json_agg(json_build_array(
                    line ->> 'item_id',
                    (SELECT name FROM item WHERE item.item_id = line ->> 'item_id'),
                    coalesce(line -> 'quantity', line -> 'counted')) ORDER BY line_no) AS lines
         FROM jsonb_array_elements(jsonb_path_query_array(
                  body, '$.lines[0 to {NEWEST_LINES - 1}]')) WITH ORDINALITY AS l (line, line_no)
     ) AS line ON true) AS newest_events
"""


class FacilityGlance(NamedTuple):
    """`items` are those that its stock lists: with a card, or on its level's essential list."""

    facility_id: str
    name: str
    level: str
    parent_facility_id: str | None
    district_id: str
    district_name: str | None
    items: int
    items_in_stock: int
    last_heard_at: str | None


class NewEvent(NamedTuple):
    """`lines` are the first ones: item_id, name, quantity or what was counted."""

    event_id: str
    type: str
    facility_id: str
    facility_name: str | None
    occurred_at: str
    recorded_at: str
    line_count: int
    lines: list[tuple[str, str | None, int]] | None


@dataclass(frozen=True, slots=True)
class Overview:
    """`facility_count` is of the district asked for, all pages together."""

    snapshot: Snapshot
    facilities: list[FacilityGlance]
    facility_count: int
    events_per_second: float
    newest_events: list[NewEvent]


async def find_overview(
    model: ReadModel, *, after: str = "", district_id: str | None = None, limit: int
) -> Overview:
    """Facilities by id from `after` on, newest events and pace; of a district nothing is told but
    its own. Its newest are those that occurred last at the facilities last heard of.
    """
    snapshot = await model.fetch(OVERVIEW, after, district_id, limit)
    row = snapshot.row
    return Overview(
        snapshot,
        [FacilityGlance(*fields) for fields in snapshot.loads("facilities")],
        row["facility_count"],
        _pace(row["own_events"], row["pace_events"], row["pace_since"], snapshot.taken_at),
        [NewEvent(*fields) for fields in snapshot.loads("newest_events")],
    )


def _pace(own: int, looked_at: int, since: datetime | None, now: datetime) -> float:
    """Events per second of the last minute, or of a shorter time where that has too many."""
    if looked_at < PACE_EVENTS or since is None:
        return own / PACE_SECONDS
    return own / max((now - since) / timedelta(seconds=1), 0.001)
