"""The state at a glance: facilities with their items in stock and out, the newest events, the pace.

Its cost is bounded by the page and by constants, however many facilities and events there are.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from projections.reading import EVERYTHING, ReadModel, Snapshot

PACE_SECONDS: Final = 60
PACE_EVENTS: Final = 5_000
"""The pace is taken over the last minute, or over so many events where a minute has more."""
NEWEST_EVENTS: Final = 20
NEWEST_LINES: Final = 3

# `good_until` is the last day on which something of an item may be given: `projections.usable`,
# reduced to yes or no. A deficit on the unrecorded card is charged first expiry first, so what it
# leaves is of the lots that expire last. Facilities in other time zones may have yesterday's or
# tomorrow's date, so items in stock are counted for all three.
# MATERIALIZED keeps the planner, which has no statistics of young tables, from counting anew for
# each facility (2.5 s instead of 0.1).
OVERVIEW: Final = f"""
WITH place AS MATERIALIZED (
    SELECT facility_id, name, level, parent_facility_id, district_id, time_zone, facility_no,
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
), stocked AS (
    SELECT facility_no, item_no,
           CASE WHEN unrecorded > 0 THEN 'infinity'
                WHEN unrecorded + recorded > 0 THEN last_expiry END AS good_until
    FROM (
        SELECT facility_no, item_no,
               coalesce(max(on_hand) FILTER (WHERE lot = ''), 0) AS unrecorded,
               sum(on_hand) FILTER (WHERE lot <> '' AND on_hand > 0) AS recorded,
               max(coalesce(expiry, 'infinity')) FILTER (WHERE lot <> '' AND on_hand > 0)
                   AS last_expiry
        FROM card WHERE facility_no = ANY (ARRAY(SELECT facility_no FROM place))
        GROUP BY facility_no, item_no
    ) AS stock
), counted AS MATERIALIZED (
    SELECT facility_no,
           count(*) FILTER (WHERE levels ? level IS NOT TRUE) AS beside_list,
           json_build_array(
               count(*) FILTER (WHERE good_until >= $4::date - 1),
               count(*) FILTER (WHERE good_until >= $4::date),
               count(*) FILTER (WHERE good_until >= $4::date + 1)) AS in_stock
    FROM stocked JOIN place USING (facility_no) LEFT JOIN catalogue USING (item_no)
    GROUP BY facility_no
), pace AS MATERIALIZED (
    SELECT recorded_at FROM event WHERE recorded_at > now() - interval '{PACE_SECONDS} seconds'
    ORDER BY recorded_at DESC LIMIT {PACE_EVENTS}
), newest AS MATERIALIZED (
    SELECT * FROM event ORDER BY recorded_at DESC LIMIT {NEWEST_EVENTS}
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         facility_id, name, level, parent_facility_id, district_id,
         (SELECT name FROM district WHERE district.district_id = place.district_id), time_zone,
         coalesce(beside_list, 0) + coalesce(items, 0), in_stock, last_heard_at)
         ORDER BY facility_id)
     FROM place LEFT JOIN counted USING (facility_no) LEFT JOIN listed USING (level)
    ) AS facilities,
    (SELECT count(*) FROM counting WHERE $2 IS NULL OR district_id = $2) AS facility_count,
    (SELECT count(*) FROM pace) AS pace_events,
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
    """`items` are those that its stock lists: with a card, or on its level's essential list.

    `items_in_stock` is counted as of the day before `counted_around`, that day and the next;
    None where nothing has a card.
    """

    facility_id: str
    name: str
    level: str
    parent_facility_id: str | None
    district_id: str
    district_name: str | None
    time_zone: str
    items: int
    items_in_stock: tuple[int, int, int] | None
    last_heard_at: str | None

    def in_stock_on(self, day: date, counted_around: date) -> int:
        if self.items_in_stock is None:
            return 0
        return self.items_in_stock[(day - counted_around).days + 1]


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
    """`facility_count` is of the district asked for, all pages together. Items in stock are
    counted around the date `counted_around`.
    """

    snapshot: Snapshot
    counted_around: date
    facilities: list[FacilityGlance]
    facility_count: int
    events_per_second: float
    newest_events: list[NewEvent]


async def find_overview(
    model: ReadModel, *, after: str = "", district_id: str | None = None, limit: int
) -> Overview:
    """Facilities by id from `after` on; the newest events and the pace are the whole state's."""
    utc_date = datetime.now(UTC).date()
    snapshot = await model.fetch(OVERVIEW, after, district_id, limit, utc_date)
    row = snapshot.row
    return Overview(
        snapshot,
        utc_date,
        [FacilityGlance(*fields) for fields in snapshot.loads("facilities")],
        row["facility_count"],
        _pace(row["pace_events"], row["pace_since"], snapshot.taken_at),
        [NewEvent(*fields) for fields in snapshot.loads("newest_events")],
    )


def _pace(events: int, since: datetime | None, now: datetime) -> float:
    """Events per second of the last minute, or of a shorter time where that has too many."""
    if events < PACE_EVENTS or since is None:
        return events / PACE_SECONDS
    return events / max((now - since) / timedelta(seconds=1), 0.001)
