"""Roll-ups of the figures that the projector keeps: by place, by item, by programme."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal, NamedTuple, get_args

from projections.figures.states import STATUSES
from projections.queries.filters import conditions, is_asked
from projections.queries.trees import HEARD
from projections.reading import EVERYTHING, ReadModel, Snapshot
from stream.versioned import Level

PlaceKey = Literal["state", "district", "level", "facility"]
ItemKey = Literal["item", "programme"]

MOST: Final = 9 * 10**18

_PLACES: Final = {
    "state": ("coalesce(state, '')", "key"),
    "district": (
        "coalesce(district_id, '')",
        "(SELECT name FROM district WHERE district.district_id = page.key)",
    ),
    "level": ("coalesce(level, '')", "key"),
    "facility": ("facility_id", "(SELECT name FROM facility WHERE facility_id = page.key)"),
}
"""What a facility's group is called, and the group's name."""

_COUNTS: Final = tuple(f"items_{status}" for status in STATUSES)
_SUMS: Final = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in _COUNTS)
_PAISE: Final = f"least(coalesce(sum(expiring_paise), 0), {MOST})::bigint AS expiring_paise"
_FIGURES: Final = ", ".join((*_COUNTS, "expiring_paise"))

_TALLIED: Final = ", ".join(
    f"count(*) FILTER (WHERE tallied_as = '{status}') AS items_{status}" for status in STATUSES
)

# Of a facility, as its figures take it.
_FILTERS: Final = ("state", "district_id", "level", "facility_id")

# A facility's row has the patients of the day on which it stands. Of those that aren't brought to
# this day yet they are looked up, while there are any.
_TODAY: Final = "(SELECT india_day(now()))"
_OUTCOMES: Final = ("served", "served_in_part", "sent_away")
_SERVED: Final = ", ".join(
    f"coalesce(sum(patients_{name}) FILTER (WHERE evaluated_on = {_TODAY}), 0) AS {name}"
    for name in _OUTCOMES
)
_SERVED_LATE: Final = ", ".join(f"sum({name}) AS {name}_late" for name in _OUTCOMES)
_PATIENTS: Final = ", ".join(f"{name} + coalesce({name}_late, 0)" for name in _OUTCOMES)

# Every registered facility has a row of figures within about a second, heard of or not. A tree is
# one facility, its root; one that is silent itself may be heard by its parts (`quiet`). What a left
# join would bring and nobody asks for is not joined.
BY_PLACE: Final = f"""
WITH place AS NOT MATERIALIZED (
    SELECT facility_state.*, facility_id
    FROM facility_state LEFT JOIN facility_number USING (facility_no)
    WHERE {{wanted}}
), grouped AS (
    SELECT {{key}} AS key, count(*) FILTER (WHERE parent_id IS NULL) AS facilities,
           count(*) FILTER (WHERE parent_id IS NULL AND NOT silent) AS not_silent,
           {_SUMS}, {_PAISE}, {_SERVED}, min(evaluated_on) AS evaluated_on
    FROM {{counted}} AS place
    GROUP BY 1
), quiet AS (
    SELECT {{key}} AS key, count(*) FILTER (WHERE heard = 2) AS speaking,
           count(*) FILTER (WHERE heard = 1) AS not_reporting,
           count(*) FILTER (WHERE heard = 0) AS not_started
    FROM place CROSS JOIN LATERAL ({HEARD}) AS told
    WHERE silent AND parent_id IS NULL AND {{key}} IN (SELECT key FROM grouped)
    GROUP BY 1
), late AS (
    SELECT {{key}} AS key, {_SERVED_LATE}
    FROM {{places}} AS place JOIN patient_day USING (facility_no)
    WHERE (SELECT min(evaluated_on) FROM grouped) < {_TODAY}
      AND evaluated_on < {_TODAY} AND day = {_TODAY}
    GROUP BY 1
), page AS (
    SELECT * FROM grouped LEFT JOIN quiet USING (key) LEFT JOIN late USING (key)
    WHERE $5::text IS NULL OR key > $5 ORDER BY key LIMIT $6
)
SELECT {EVERYTHING},
    (SELECT min(evaluated_on) FROM grouped) AS evaluated_on,
    (SELECT json_agg(json_build_array(
         key, {{name}}, {_FIGURES}, facilities, not_silent + coalesce(speaking, 0),
         coalesce(not_reporting, 0), coalesce(not_started, 0),
         {_PATIENTS}) ORDER BY key)
     FROM page) AS groups
"""

# Facilities are pages of themselves.
_FACILITY_PAGE: Final = """(
    SELECT * FROM place WHERE facility_id > coalesce($5, '') ORDER BY facility_id LIMIT $6
)"""

# Of one programme each facility's items are counted anew.
_OF_PROGRAMME: Final = f"""(
    SELECT facility_no, facility_id, parent_id, state, district_id, level, silent, evaluated_on,
           {", ".join(f"patients_{name}" for name in _OUTCOMES)}, items.*
    FROM {{places}} AS place CROSS JOIN LATERAL (
        SELECT {_TALLIED}, sum(expiring_paise) AS expiring_paise FROM item_state
        WHERE item_state.facility_no = place.facility_no AND item_no = ANY (ARRAY(
            SELECT item_no FROM item_number CROSS JOIN LATERAL (
                SELECT body ->> 'programme' AS programme FROM item_record
                WHERE item_record.item_id = item_number.item_id AND valid_from <= now()
                ORDER BY valid_from DESC, log_offset DESC LIMIT 1
            ) AS record WHERE programme = $7))
    ) AS items
)"""

# What the projector counts by district, and by level: a row an item and partition. A district is
# of one state.
FROM_TALLY: Final = f"""
    SELECT {_SUMS}, {_PAISE} FROM item_tally AS tally
    WHERE scope = '{{scope}}' AND place = ANY ({{tallied}}) AND tally.item_no = item_number.item_no
"""
_OF_LEVELS: Final = (
    f"CASE WHEN $3::text IS NULL THEN ARRAY{list(get_args(Level))} ELSE ARRAY[$3] END"
)
_OF_DISTRICTS: Final = "ARRAY(SELECT DISTINCT district_id FROM place)"

# Of a district's or state's facilities of one level, or of one facility: summed up by facility.
COUNTED: Final = f"""
counted AS MATERIALIZED (
    SELECT item_no,
           {_TALLIED}, sum(state.expiring_paise) AS expiring_paise
    FROM place CROSS JOIN LATERAL (
        SELECT item_no, tallied_as, expiring_paise FROM item_state
        WHERE item_state.facility_no = place.facility_no
          AND (tallied_as IS NOT NULL OR expiring_paise <> 0)
        OFFSET 0
    ) AS state
    GROUP BY item_no
), """
FROM_FACILITIES: Final = f"""
    SELECT {_SUMS}, {_PAISE} FROM counted WHERE counted.item_no = item_number.item_no
"""

BY_ITEM: Final = f"""
WITH place AS NOT MATERIALIZED (
    SELECT facility_no, district_id, evaluated_on
    FROM facility_state LEFT JOIN facility_number USING (facility_no) WHERE {{wanted}}
), {{counted}} grouped AS (
    SELECT {{key}} AS key, min({{name}}) AS name, {_SUMS}, {_PAISE}
    FROM item_number
    LEFT JOIN LATERAL (
        SELECT name, body ->> 'programme' AS programme FROM item_record
        WHERE item_record.item_id = item_number.item_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS record ON true
    CROSS JOIN LATERAL ({{tally}}) AS tally
    WHERE ({" + ".join(_COUNTS)} > 0 OR expiring_paise > 0)
      AND ($7::text IS NULL OR programme = $7)
      AND ($5::text IS NULL OR {{key}} > $5)
    GROUP BY {{key}} ORDER BY {{key}} LIMIT $6
)
SELECT {EVERYTHING},
    (SELECT min(evaluated_on) FROM place) AS evaluated_on,
    (SELECT json_agg(json_build_array(key, name, {_FIGURES}) ORDER BY key) FROM grouped) AS groups
"""


class Wanted(NamedTuple):
    """The facilities that are summed up: those of all that is named."""

    state: str | None = None
    district_id: str | None = None
    level: str | None = None
    facility_id: str | None = None


EVERYWHERE: Final = Wanted()


class Items(NamedTuple):
    """Items of facilities: an essential item at a facility that has been counted is one.

    `unknown` are those of facilities that are silent.
    """

    out: int
    low: int
    ok: int
    over: int
    unrated: int
    unknown: int


class Facilities(NamedTuple):
    """Those that are part of no other; with its parts, one that was heard of reports or doesn't.
    Patients are of India's today.
    """

    facilities: int
    reporting: int
    not_reporting: int
    not_started: int
    served: int
    served_in_part: int
    sent_away: int


@dataclass(frozen=True, slots=True)
class Group:
    """`key` is '' for what has none. `facilities` is None of items and programmes."""

    key: str
    name: str | None
    items: Items
    expiring_paise: int
    facilities: Facilities | None


@dataclass(frozen=True, slots=True)
class Summary:
    """`evaluated_on`: the earliest day on which figures of a facility asked for stand."""

    snapshot: Snapshot
    evaluated_on: date | None
    groups: list[Group]


async def summarize_places(
    model: ReadModel,
    by: PlaceKey,
    *,
    wanted: Wanted = EVERYWHERE,
    programme: str | None = None,
    after: str | None = None,
    limit: int,
) -> Summary:
    """Groups by key, of facilities registered or heard of; `programme`: of its items alone."""
    if programme is None:
        statement = places_statement(by, wanted)
        return _summary(await model.fetch(statement, *wanted, after, limit))
    statement = _places_statement(by, is_asked(wanted), of_programme=True)
    return _summary(await model.fetch(statement, *wanted, after, limit, programme))


async def summarize_items(
    model: ReadModel,
    by: ItemKey,
    *,
    wanted: Wanted = EVERYWHERE,
    programme: str | None = None,
    after: str | None = None,
    limit: int,
) -> Summary:
    """Groups by key, of items that count somewhere, or of which something valuable expires."""
    statement = _items_statement(by, is_asked(wanted))
    return _summary(await model.fetch(statement, *wanted, after, limit, programme))


def places_statement(by: PlaceKey, wanted: Wanted) -> str:
    """Its arguments are those of `wanted`, the key to go on after, and how many at most."""
    return _places_statement(by, is_asked(wanted), of_programme=False)


@cache
def _places_statement(by: PlaceKey, asked: tuple[bool, ...], *, of_programme: bool) -> str:
    key, name = _PLACES[by]
    places = _FACILITY_PAGE if by == "facility" else "place"
    return BY_PLACE.format(
        key=key,
        name=name,
        places=places,
        counted=_OF_PROGRAMME.format(places=places) if of_programme else places,
        wanted=conditions(_FILTERS, asked),
    )


@cache
def _items_statement(by: ItemKey, asked: tuple[bool, ...]) -> str:
    state, district, level, facility = asked
    apart = facility or (level and (state or district))
    scope = ("district", _OF_DISTRICTS) if state or district else ("level", _OF_LEVELS)
    key, name = ("item_id", "name") if by == "item" else ("coalesce(programme, '')", "programme")
    return BY_ITEM.format(
        key=key,
        name=name,
        wanted=conditions(_FILTERS, asked),
        counted=COUNTED if apart else "",
        tally=FROM_FACILITIES if apart else FROM_TALLY.format(scope=scope[0], tallied=scope[1]),
    )


def _summary(snapshot: Snapshot) -> Summary:
    counts = len(STATUSES)
    return Summary(
        snapshot,
        snapshot.row["evaluated_on"],
        [
            Group(
                key,
                name,
                Items(*figures[:counts]),
                figures[counts],
                Facilities(*figures[counts + 1 :]) if figures[counts + 1 :] else None,
            )
            for key, name, *figures in snapshot.loads("groups")
        ],
    )
