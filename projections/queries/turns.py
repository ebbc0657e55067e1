"""Whose turn an alert is, by the chain of command of its district.

The chain gives each officer's turn: seconds from when an alert could be known,
`greatest(began_at, opened_at)`. Who acknowledges an alert starts the time of the officer whose turn
it is anew. What is closed stands as it stood then.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from stream.chains import DEFAULT_STEPS, OFFICERS

_PACES: Final = """
    asked AS MATERIALIZED (
        SELECT district_id, coalesce(
            (SELECT state FROM district WHERE district.district_id = named.district_id),
            (SELECT min(state) FROM facility_state
             WHERE facility_state.district_id = named.district_id)) AS state
        FROM ({districts}) AS named
    ), chain AS MATERIALIZED (
        SELECT * FROM (
            SELECT DISTINCT ON (chain_id) chain_record.* FROM chain_record JOIN instant
                ON valid_from <= at AND recorded_at <= known_at
            ORDER BY chain_id, valid_from DESC, log_offset DESC
        ) AS valid
        WHERE NOT withdrawn
    ), step AS MATERIALIZED (
        SELECT asked.district_id, number::integer, officer, title,
               after_hours * 3600::float8 AS after,
               min(coalesce(critical_after_hours, after_hours)) OVER (
                   PARTITION BY asked.district_id ORDER BY number DESC) * 3600::float8
                   AS critical_after
        FROM asked CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(coalesce((
            SELECT body -> 'steps' FROM chain
            WHERE chain.district_id = asked.district_id
               OR chain.district_id IS NULL AND chain.state = asked.state
            ORDER BY chain.district_id IS NULL, chain_id DESC LIMIT 1
        ), ${steps}::jsonb)) AS (
            officer text, title text, after_hours integer, critical_after_hours integer
        )) WITH ORDINALITY AS told (officer, title, after_hours, critical_after_hours, number)
    ), beginning AS (
        SELECT district_id, rule, coalesce(min(number) FILTER (
                   WHERE array_position(${officers}::text[], step.officer)
                         >= array_position(${officers}, acts.officer)), max(number)) AS number
        FROM unnest(${rules}::text[], ${acts}::text[]) AS acts (rule, officer) CROSS JOIN step
        GROUP BY district_id, rule
    ), pace AS MATERIALIZED (
        SELECT district_id, array_agg(after ORDER BY number) AS afters,
               array_agg(critical_after ORDER BY number) AS critical_afters,
               (SELECT jsonb_object_agg(rule, number) FROM beginning
                WHERE beginning.district_id = step.district_id) AS beginnings
        FROM step GROUP BY district_id
    )
"""

# Materialised step by step: each figure is used several times, and computed once.
_TURNED: Final = """
    told AS MATERIALIZED (
        SELECT alert.*, coalesce((beginnings ->> rule)::integer, 1) AS begins_with,
               CASE severity WHEN 'critical' THEN critical_afters ELSE afters END AS afters,
               greatest(began_at, opened_at) AS since,
               closed_at IS NULL AND coalesce(snoozed_until > at, false) AS is_put_off
        FROM ({alerts}) AS alert CROSS JOIN instant JOIN pace ON pace.district_id = in_district
    ), timed AS MATERIALIZED (
        SELECT *, greatest(begins_with, width_bucket(0::float8, afters)) AS first_turn,
               coalesce(acknowledged_at, since) AS counts_from,
               coalesce(afters[width_bucket(
                   extract(epoch FROM acknowledged_at - since)::float8, afters)], 0) AS ahead
        FROM told
    ), turned AS MATERIALIZED (
        SELECT *, turn > first_turn AND NOT is_put_off AS is_overdue,
               CASE WHEN closed_at IS NULL
                    THEN counts_from + make_interval(secs => afters[turn + 1] - ahead)
               END AS passes_on_at
        FROM (
            SELECT timed.*, greatest(first_turn, width_bucket(
                       extract(epoch FROM coalesce(closed_at, at) - counts_from)::float8 + ahead,
                       afters)) AS turn
            FROM timed CROSS JOIN instant
        ) AS reached
    )
"""


def paces(districts: str, *, arguments_from: int) -> str:
    """`step` and `pace` by `district_id`, for a WITH clause.

    `instant` (at, known_at) stands before it: chains count that were valid and known then.
    `districts` is a SELECT of their ids; `turn_arguments` are the arguments.
    """
    names = ("steps", "officers", "rules", "acts")
    numbers = {name: number for number, name in enumerate(names, arguments_from)}
    return _PACES.format(districts=districts, **numbers)


def turned(alerts: str) -> str:
    """`turned`, for a WITH clause after `paces`: the columns of `alerts`, and `turn` (the number of
    the step), `is_overdue`, `is_put_off`, `passes_on_at`.

    `alerts` is a SELECT with the columns of `alert`, and `in_district`, which was asked for.
    """
    return _TURNED.format(alerts=alerts)


def turn_arguments(who_acts: Mapping[str, str]) -> list[Any]:
    """`who_acts`: with whom the chain begins, by rule."""
    steps = orjson.dumps([step.model_dump() for step in DEFAULT_STEPS]).decode()
    return [steps, list(OFFICERS), list(who_acts), list(who_acts.values())]
