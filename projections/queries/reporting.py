"""How facilities report: when last, how late, with what gaps, and on which days they are closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from projections.discrepancies.device_gap import GAPS
from projections.queries.trees import parts_of
from projections.reading import EVERYTHING, FACILITY, ReadModel, Snapshot
from projections.reporting import LATE_AFTER, WINDOW, Closure, Heard, Verdict, judge_reporting

_SINCE: Final = f"now() - interval '{WINDOW.days} days'"
_LATE: Final = f"recorded_at - occurred_at > interval '{LATE_AFTER.total_seconds():.0f} seconds'"

ONE: Final = """
    SELECT asked.facility_id, facility_no, name, level, district_id, state, time_zone, body
    FROM (VALUES ($1::text)) AS asked (facility_id)
    LEFT JOIN facility_number USING (facility_id)
    LEFT JOIN (SELECT * FROM facility WHERE facility_id = $1) AS record USING (facility_id)
    WHERE facility_no IS NOT NULL OR record.name IS NOT NULL
"""
MANY: Final = """
    SELECT facility_id, facility_no, name, level, district_id, state, time_zone, body
    FROM (
        SELECT DISTINCT ON (facility_id) * FROM facility_record
        WHERE valid_from <= now() AND facility_id > $1
          AND ($2::text IS NULL OR facility_id IN (
              SELECT facility_id FROM facility_record WHERE district_id = $2))
        ORDER BY facility_id, valid_from DESC, log_offset DESC
    ) AS facility LEFT JOIN facility_number USING (facility_id)
    WHERE ($2 IS NULL OR district_id = $2) AND ($3::text IS NULL OR level = $3)
      AND CASE WHEN $5::text IS NULL THEN parent_facility_id IS NULL
               ELSE parent_facility_id = $5 END
    ORDER BY facility_id LIMIT $4
"""

# What comes late is found by an index that holds nothing else; the rest occurred not long before
# `since`. Facility by facility, which keeps each sort small.
DELAYS: Final = f"""
    SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY
               extract(epoch FROM greatest(recorded_at - occurred_at, '0'))::float8) AS delays
    FROM unnest(place.members) AS member (facility_no) CROSS JOIN LATERAL (
        SELECT occurred_at, recorded_at FROM event
        WHERE event.facility_no = member.facility_no AND recorded_at >= {_SINCE} AND {_LATE}
        UNION ALL
        SELECT occurred_at, recorded_at FROM event
        WHERE event.facility_no = member.facility_no AND recorded_at >= {_SINCE} AND NOT {_LATE}
          AND occurred_at >= {_SINCE} - interval '{LATE_AFTER.total_seconds():.0f} seconds'
    ) AS recent
"""

# What facilities closed for, up to today, since they were last heard of. A join for each way to
# name a facility, as one by all ways would compare each with each.
CLOSURES: Final = """
    SELECT facility_id, json_agg(json_build_array(first_day, last_day)) AS closures FROM (
        SELECT place.facility_id, today, heard_on, first_day, last_day
        FROM place JOIN closure USING (facility_id)
        UNION ALL
        SELECT place.facility_id, today, heard_on, first_day, last_day
        FROM place JOIN closure USING (district_id)
        UNION ALL
        SELECT place.facility_id, today, heard_on, first_day, last_day
        FROM place JOIN closure USING (state)
        UNION ALL
        SELECT place.facility_id, today, heard_on, first_day, last_day
        FROM place CROSS JOIN closure
        WHERE num_nonnulls(closure.facility_id, closure.district_id, closure.state) = 0
    ) AS closed
    WHERE first_day <= today AND last_day >= coalesce(heard_on, today)
    GROUP BY facility_id
"""

# Of `found`: itself and all that is part of it.
MEMBERS: Final = f"""
    WITH RECURSIVE part AS (
        SELECT found.facility_id COLLATE "C" AS facility_id
        UNION
        SELECT record.facility_id FROM part JOIN {parts_of("part.facility_id", at="now()")}
    )
    SELECT known.facility_no FROM part JOIN facility_number AS known USING (facility_id)
"""

REPORTING: Final = f"""
WITH place AS MATERIALIZED (
    SELECT *, (now() AT TIME ZONE zone)::date AS today,
           (last_heard_at AT TIME ZONE zone)::date AS heard_on
    FROM (
        SELECT *, zone_or_india(time_zone) AS zone, body -> 'closed_weekdays' AS closed_weekdays,
               (SELECT max(last_recorded_at) FROM facility_activity
                WHERE facility_activity.facility_no = ANY (members)) AS last_heard_at
        FROM (SELECT *, ARRAY({MEMBERS}) AS members FROM ({{place}}) AS found) AS tree
    ) AS heard
), closure AS MATERIALIZED (
    SELECT * FROM (
        SELECT DISTINCT ON (closure_id) * FROM closure_record WHERE valid_from <= now()
        ORDER BY closure_id, valid_from DESC, log_offset DESC
    ) AS newest
    WHERE NOT withdrawn AND last_day >= (SELECT min(coalesce(heard_on, today)) FROM place)
), closed AS MATERIALIZED ({CLOSURES})
SELECT {{snapshot}},
    (SELECT json_agg(json_build_array(
         json_build_array(facility_id, name, level, district_id, last_heard_at),
         delays, open_gaps, today, heard_on, closed_weekdays, closures) ORDER BY facility_id)
     FROM place LEFT JOIN closed USING (facility_id)
     CROSS JOIN LATERAL ({DELAYS}) AS late
     CROSS JOIN LATERAL (
         SELECT count(*) AS open_gaps FROM unnest(members) AS place (facility_no)
         CROSS JOIN LATERAL ({GAPS.format(since=_SINCE)}) AS gap
     ) AS left_out) AS facilities
"""
"""Of each `place`."""


class FacilityReporting(NamedTuple):
    """What was heard of a facility and of all that is part of it. Name, level and district are None
    where it isn't registered. `p95_delay_seconds` is of the same events as the median.
    """

    facility_id: str
    name: str | None
    level: str | None
    district_id: str | None
    last_heard_at: str | None
    p95_delay_seconds: float | None
    heard: Heard

    @property
    def verdict(self) -> Verdict:
        return judge_reporting(self.heard)


@dataclass(frozen=True, slots=True)
class Reports:
    snapshot: Snapshot
    facilities: list[FacilityReporting]


async def find_reporting(
    model: ReadModel, *, facility_id: str, partition: int | None
) -> tuple[Snapshot, FacilityReporting] | None:
    """None if the facility isn't known. `partition` is as in `find_stock`."""
    statement = REPORTING.format(place=ONE, snapshot=FACILITY)
    reports = _reports(await model.fetch(statement, facility_id, partition))
    return (reports.snapshot, reports.facilities[0]) if reports.facilities else None


async def list_reporting(
    model: ReadModel,
    *,
    after: str = "",
    district_id: str | None = None,
    level: str | None = None,
    parent_id: str | None = None,
    limit: int,
) -> Reports:
    """Registered facilities by id from `after` on: those that are part of no other, or the parts of
    `parent_id`.
    """
    statement = REPORTING.format(place=MANY, snapshot=EVERYTHING)
    return _reports(await model.fetch(statement, after, district_id, level, limit, parent_id))


def _reports(snapshot: Snapshot) -> Reports:
    return Reports(snapshot, [_facility(fields) for fields in snapshot.loads("facilities")])


def _facility(fields: Sequence[Any]) -> FacilityReporting:
    facility, delays, open_gaps, today, heard_on, closed_weekdays, closures = fields
    median, p95 = delays or (None, None)
    heard = Heard(
        today=date.fromisoformat(today),
        heard_on=None if heard_on is None else date.fromisoformat(heard_on),
        median_delay_seconds=median,
        open_gaps=open_gaps,
        closed_weekdays=closed_weekdays,
        closures=[Closure(*map(date.fromisoformat, period)) for period in closures or ()],
    )
    return FacilityReporting._make((*facility, p95, heard))
