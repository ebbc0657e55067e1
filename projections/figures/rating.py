"""What items are rated by: the essential list, the norm, the consumption of the norm's window.

    per day      = consumed ÷ days on which it was available, in the window
    min_quantity = per day × (lead time + safety stock), rounded up
    max_quantity = per day × (lead time + safety stock + review period), rounded down

Days on which the item was out are left out of the window, closures apart; so are days before its
first entry. A store or warehouse uses what it issues and sends on. (Consumption adjusted for
stock-outs as in Management Sciences for Health, *Managing Drug Supply*; minimum and maximum as in
a forced-ordering system, USAID DELIVER, *The Logistics Handbook*.)
"""

from collections.abc import Collection
from typing import Any, Final

import asyncpg

from projections.figures.stock_outs import Pair

DAYS_A_MONTH: Final = 30.5
"""As *Managing Drug Supply* has it."""

SECONDS_A_DAY: Final = 86_400

LEAST_AVAILABLE_DAYS: Final = 7
"""With fewer days on which an item was available there is no rate yet."""

SUPPLIERS: Final = ("STORE", "WAREHOUSE")
"""Levels that use what they issue and send on."""

MOST: Final = 9 * 10**18

# Of a record's versions the newest that counts on the day.
_COUNTS: Final = "valid_from < india_midnight(evaluated_on + 1)"


# What a `pair` (item_id, facility_id or null, level, evaluated_on) is rated by: product and norm.
TERMS: Final = f"""
    LEFT JOIN LATERAL (
        SELECT body -> 'levels' ? level AS essential,
               (body ->> 'unit_cost_paise')::bigint AS unit_cost_paise
        FROM item_record WHERE item_record.item_id = pair.item_id AND {_COUNTS}
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS product ON true
    LEFT JOIN LATERAL (
        SELECT * FROM norm_record AS norm
        WHERE (norm.item_id = pair.item_id OR norm.item_id IS NULL) AND {_COUNTS}
          AND (facility_id = pair.facility_id OR facility_id IS NULL)
          AND (norm.level = pair.level OR norm.level IS NULL) AND NOT withdrawn
          AND NOT EXISTS (
              SELECT FROM norm_record AS newer
              WHERE newer.norm_id = norm.norm_id AND {_COUNTS.replace("valid", "newer.valid")}
                AND (newer.valid_from, newer.log_offset) > (norm.valid_from, norm.log_offset))
        ORDER BY facility_id IS NULL, norm.level IS NULL, norm.item_id IS NULL, norm_id DESC
        LIMIT 1
    ) AS norm ON true
"""


def rated_pairs(asked: str) -> str:
    """CTEs that end in `rated`: what pairs are rated by. `asked`: a query of
    (facility_no, item_no, first_at, …).
    """
    return f"""
pair AS MATERIALIZED (
    SELECT asked.*, facility_id, item_id, evaluated_on, partition, level, district_id, state,
           counted_at, silent
    FROM ({asked}) AS asked
    JOIN facility_state USING (facility_no) JOIN facility_number USING (facility_no)
    JOIN item_number USING (item_no)
), windowed AS (
    SELECT pair.*, coalesce(essential, false) AS essential, unit_cost_paise,
           lead_time_days, safety_days, review_days, window_days,
           CASE WHEN window_days IS NOT NULL
                THEN greatest(evaluated_on - window_days, india_day(first_at)) END AS from_day
    FROM pair
    {TERMS}
), used AS (
    SELECT windowed.*, coalesce(consumed, 0) AS consumed,
           coalesce(greatest(0, evaluated_on - from_day), 0) * {SECONDS_A_DAY}::bigint
             - coalesce(out_seconds, 0) AS available_seconds
    FROM windowed
    LEFT JOIN LATERAL (
        SELECT sum(dispensed + CASE WHEN level IN {SUPPLIERS} THEN issued ELSE 0 END)::bigint
                 AS consumed
        FROM consumption_day AS used
        WHERE window_days IS NOT NULL
          AND used.facility_no = windowed.facility_no AND used.item_no = windowed.item_no
          AND day >= evaluated_on - window_days AND day < evaluated_on
    ) AS used ON true
    LEFT JOIN LATERAL (
        SELECT floor(sum(extract(epoch FROM upper(span) - lower(span))))::bigint AS out_seconds
        FROM (
            SELECT range_agg(tstzrange(began_at, ended_at))
                   * tstzmultirange(tstzrange(
                       india_midnight(from_day), india_midnight(evaluated_on)))
                     AS time
            FROM stock_out
            WHERE stock_out.facility_no = windowed.facility_no
              AND stock_out.item_no = windowed.item_no
              AND (ended_at IS NULL OR ended_at > india_midnight(from_day))
            OFFSET 0
        ) AS out CROSS JOIN LATERAL unnest(CASE WHEN time IS NOT NULL THEN time - closed_time(
            facility_id, district_id, state, from_day, evaluated_on) END) AS span
        WHERE from_day < evaluated_on
    ) AS lost ON true
), rated AS (
    SELECT used.*, least_kept AS min_quantity,
           CASE WHEN least_kept IS NOT NULL THEN least({MOST}, greatest(least_kept, floor(
               consumed::numeric * (lead_time_days + safety_days + review_days) * {SECONDS_A_DAY}
               / available_seconds))) END AS max_quantity
    FROM used CROSS JOIN LATERAL (
        SELECT CASE WHEN consumed > 0
                     AND available_seconds >= {LEAST_AVAILABLE_DAYS * SECONDS_A_DAY}
               THEN least(ceil(consumed::numeric * (lead_time_days + safety_days) * {SECONDS_A_DAY}
                               / available_seconds), {MOST}) END AS least_kept
    ) AS kept
)"""


_ASKED: Final = """
    SELECT facility_no, item_no, first_at, has_card
    FROM unnest($1::int[], $2::int[]) AS asked(facility_no, item_no)
    CROSS JOIN LATERAL (
        SELECT min(entry.occurred_at) AS first_at, count(*) > 0 AS has_card
        FROM card LEFT JOIN LATERAL (
            SELECT e.occurred_at FROM ledger_entry AS e
            WHERE e.facility_no = card.facility_no AND e.item_no = card.item_no
              AND e.lot = card.lot AND reversed_at IS NULL
            ORDER BY e.occurred_at LIMIT 1
        ) AS entry ON true
        WHERE card.facility_no = asked.facility_no AND card.item_no = asked.item_no
    ) AS entered
"""

RATE: Final = f"""
WITH {rated_pairs(_ASKED)}
INSERT INTO item_state (facility_no, item_no, on_hand, usable, expiring, status, essential,
                        unit_cost_paise, first_at, window_days, consumed, available_seconds,
                        min_quantity, max_quantity)
SELECT facility_no, item_no, 0, 0, 0, 'unrated', essential, unit_cost_paise,
       first_at, window_days, consumed, available_seconds, min_quantity, max_quantity
FROM rated
WHERE has_card OR essential AND counted_at IS NOT NULL OR EXISTS (
    SELECT FROM item_state AS known
    WHERE known.facility_no = rated.facility_no AND known.item_no = rated.item_no)
ON CONFLICT (facility_no, item_no) DO UPDATE
SET essential = excluded.essential, unit_cost_paise = excluded.unit_cost_paise,
    first_at = excluded.first_at, window_days = excluded.window_days,
    consumed = excluded.consumed, available_seconds = excluded.available_seconds,
    min_quantity = excluded.min_quantity, max_quantity = excluded.max_quantity
"""


async def rate(connection: "asyncpg.Connection[Any]", pairs: Collection[Pair]) -> None:
    """Tell anew what these items are rated by; their states are to be told after it."""
    if pairs:
        await connection.execute(
            RATE,
            [facility_no for facility_no, _ in pairs],
            [item_no for _, item_no in pairs],
        )
