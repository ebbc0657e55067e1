"""The state summed up for its metrics: by district and level, by item, and its open alerts."""

from dataclasses import dataclass
from typing import Final, NamedTuple, get_args

from projections.figures.states import STATUSES
from projections.queries.trees import HEARD
from projections.reading import EVERYTHING, ReadModel
from stream.versioned import Level

_SUMS: Final = ", ".join(f"sum(items_{status})::bigint AS {status}" for status in STATUSES)
_COUNTS: Final = ", ".join(STATUSES)

STATE_FIGURES: Final = f"""
WITH today AS MATERIALIZED (
    SELECT * FROM patient_day WHERE day = india_day(now())
), quiet AS MATERIALIZED (
    SELECT facility_no, heard
    FROM (
        SELECT facility_no, facility_id FROM facility_state JOIN facility_number USING (facility_no)
        WHERE silent AND parent_id IS NULL
    ) AS place CROSS JOIN LATERAL ({HEARD}) AS told
), place AS (
    SELECT coalesce(district_id, '') AS district, coalesce(level, '') AS level,
           count(*) FILTER (WHERE parent_id IS NULL AND NOT silent OR heard = 2) AS reporting,
           count(*) FILTER (WHERE heard = 1) AS not_reporting,
           count(*) FILTER (WHERE heard = 0) AS not_started,
           count(*) FILTER (WHERE due OR evaluated_on < india_day(now())) AS behind,
           sum(expiring_paise)::float8 / 100 AS expiring_rupees,
           coalesce(sum(served), 0) AS served, coalesce(sum(served_in_part), 0) AS in_part,
           coalesce(sum(sent_away), 0) AS sent_away, {_SUMS}
    FROM facility_state AS place LEFT JOIN today USING (facility_no)
    LEFT JOIN quiet USING (facility_no)
    GROUP BY 1, 2
), item AS (
    SELECT item_no, {_SUMS} FROM item_tally
    WHERE scope = 'level' AND place = ANY (ARRAY{list(get_args(Level))})
    GROUP BY item_no HAVING sum({" + ".join(f"items_{status}" for status in STATUSES)}) > 0
), alerting AS (
    SELECT rule, coalesce(nullif(alert.district_id, ''), place.district_id, '') AS district,
           severity, CASE WHEN acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END AS state,
           count(*) AS alerts
    FROM alert LEFT JOIN facility_state AS place USING (facility_no)
    WHERE closed_at IS NULL GROUP BY 1, 2, 3, 4
)
SELECT {EVERYTHING},
    (SELECT json_agg(json_build_array(
         district, level, reporting, not_reporting, not_started, behind, expiring_rupees,
         json_build_array(served, in_part, sent_away), json_build_array({_COUNTS})))
     FROM place) AS places,
    (SELECT json_agg(json_build_array(item_id, json_build_array({_COUNTS})))
     FROM item JOIN item_number USING (item_no)) AS items,
    (SELECT json_agg(json_build_array(rule, district, severity, state, alerts))
     FROM alerting) AS alerts
"""


class PlaceFigures(NamedTuple):
    """Of the facilities of one district and level; '' where a facility has none.

    `behind` have yet to be brought to this day, or to changed records. `patients` of today are
    served, served in part, sent away; `items` are by status, in the order of `STATUSES`.
    """

    district: str
    level: str
    reporting: int
    not_reporting: int
    not_started: int
    behind: int
    expiring_rupees: float
    patients: list[int]
    items: list[int]


class ItemFigures(NamedTuple):
    """How many facilities have the item in which status."""

    item_id: str
    facilities: list[int]


class AlertFigures(NamedTuple):
    """How many alerts are open; `district` is the facility's where it is about one."""

    rule: str
    district: str
    severity: str
    state: str
    alerts: int


@dataclass(frozen=True, slots=True)
class StateFigures:
    places: list[PlaceFigures]
    items: list[ItemFigures]
    alerts: list[AlertFigures]


async def sum_up_state(model: ReadModel) -> StateFigures:
    """Raises Unavailable."""
    snapshot = await model.fetch(STATE_FIGURES)
    return StateFigures(
        [PlaceFigures(*fields) for fields in snapshot.loads("places")],
        [ItemFigures(*fields) for fields in snapshot.loads("items")],
        [AlertFigures(*fields) for fields in snapshot.loads("alerts")],
    )
