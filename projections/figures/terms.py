"""What items are rated by that are new at their facility: asked once for each kind of item.

One of which nothing was used before the facility's day has nothing to be rated by yet, but for
what its level has of norms and essential items. That is usual. The others are looked at one by one.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol

import asyncpg

from projections.figures.days import india_day
from projections.figures.rating import TERMS, rated_pairs
from projections.figures.states import STATUS
from projections.figures.stock_outs import Pair

PLACES: Final = """
SELECT facility_no, evaluated_on, level, counted_at IS NOT NULL, silent,
       facility_id = ANY (ARRAY(SELECT facility_id FROM norm_record WHERE facility_id IS NOT NULL))
FROM facility_state JOIN facility_number USING (facility_no)
WHERE facility_no = ANY ($1::int[])
"""

KINDS: Final = f"""
SELECT item_no, pair.level, evaluated_on, coalesce(essential, false), unit_cost_paise, window_days
FROM (
    SELECT kind.*, item_id, NULL::text AS facility_id
    FROM unnest($1::int[], $2::text[], $3::date[]) AS kind(item_no, level, evaluated_on)
    JOIN item_number USING (item_no)
) AS pair
{TERMS}
"""

_ASKED: Final = """
    SELECT * FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::bigint[])
        AS asked(facility_no, item_no, first_at, usable)
"""

RATED: Final = f"""
WITH {rated_pairs(_ASKED)}
SELECT facility_no, item_no, essential, unit_cost_paise, window_days, {STATUS}, consumed,
       available_seconds, min_quantity, max_quantity
FROM rated
"""


class Place(NamedTuple):
    """A facility as its figures take it. `has_norms`: some of its own, now or at another time."""

    evaluated_on: date
    level: str | None
    is_counted: bool
    silent: bool
    has_norms: bool


class Terms(NamedTuple):
    """What an item is rated by; `status`: what it is if it isn't out."""

    essential: bool
    unit_cost_paise: int | None
    window_days: int | None
    status: str = "unrated"
    consumed: int = 0
    available_seconds: int = 0
    min_quantity: int | None = None
    max_quantity: int | None = None


class FirstFacts(Protocol):
    """Of an item: its first unreversed entry, and how much of it is usable."""

    first_at: datetime
    usable: int


async def find_places(
    connection: "asyncpg.Connection[Any]", facility_nos: Iterable[int]
) -> dict[int, Place]:
    rows = await connection.fetch(PLACES, list(facility_nos))
    return {facility_no: Place(*columns) for facility_no, *columns in rows}


async def find_terms(
    connection: "asyncpg.Connection[Any]",
    items: Mapping[Pair, FirstFacts],
    places: Mapping[int, Place],
) -> dict[Pair, Terms]:
    """What each item is rated by. What they used, and when they were out, must be written."""
    of_kind: dict[tuple[int, str | None, date], Terms] = {}
    kinds = {
        (item_no, places[facility_no].level, places[facility_no].evaluated_on)
        for facility_no, item_no in items
    }
    for *kind, essential, cost, window_days in await connection.fetch(KINDS, *_columns(kinds)):
        of_kind[*kind] = Terms(essential, cost, window_days)
    terms: dict[Pair, Terms] = {}
    apart: list[tuple[int, int, datetime, int]] = []
    for pair, item in items.items():
        place = places[pair[0]]
        of_pair = terms[pair] = of_kind[pair[1], place.level, place.evaluated_on]
        if place.has_norms or (
            of_pair.window_days is not None and india_day(item.first_at) < place.evaluated_on
        ):
            apart.append((*pair, item.first_at, item.usable))
    if apart:
        for facility_no, item_no, *columns in await connection.fetch(RATED, *_columns(apart)):
            terms[facility_no, item_no] = Terms(*columns)
    return terms


def _columns(rows: Collection[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    return zip(*rows, strict=True)
