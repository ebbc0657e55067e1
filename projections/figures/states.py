"""The state of items now: on hand, usable, status; and the roll-ups that count them.

One statement for all of a transaction's items. A roll-up changes only where an item's state does.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import asyncpg

from projections.figures.stock_outs import Pair

EXPIRING_DAYS: Final = 90

NOTHING: Final[Mapping[Pair, Any]] = {}

STATUSES: Final = ("out", "low", "ok", "over", "unrated", "unknown")
"""What the roll-ups count; `unknown` is every item of a facility that is silent."""

# Sums of what changed, from rows that were counted before and rows that are counted now.
_COUNTS: Final = ", ".join(
    f"coalesce(sum(times) FILTER (WHERE tallied_as = '{status}'), 0) AS items_{status}"
    for status in STATUSES
)
STATUS: Final = """
CASE WHEN usable <= 0 THEN 'out' WHEN min_quantity IS NULL THEN 'unrated'
     WHEN usable < min_quantity THEN 'low' WHEN usable > max_quantity THEN 'over' ELSE 'ok' END
"""
_COLUMNS: Final = ", ".join([*(f"items_{status}" for status in STATUSES), "expiring_paise"])


def _added(known: str, added: str) -> str:
    return ", ".join(f"{name} = {known}.{name} + {added}.{name}" for name in _COLUMNS.split(", "))


# `changed` has the rows with what they were and are tallied as. What expires has its value wherever
# it lies, counted or not: a warehouse's most of all.
TALLY: Final = f"""
moved AS MATERIALIZED (
    SELECT facility_no, partition, district_id, level, item_no, tallied_as, times, paise * times
           AS paise
    FROM changed CROSS JOIN LATERAL (
        VALUES (was_tallied_as, was_paise, -1), (is_tallied_as, is_paise, 1)
    ) AS step (tallied_as, paise, times)
    WHERE (tallied_as IS NOT NULL OR paise <> 0)
      AND (was_tallied_as, was_paise) IS DISTINCT FROM (is_tallied_as, is_paise)
), of_facility AS (
    UPDATE facility_state AS known SET {_added("known", "moved")}
    FROM (SELECT facility_no, {_COUNTS}, sum(paise) AS expiring_paise FROM moved
          GROUP BY facility_no) AS moved
    WHERE known.facility_no = moved.facility_no
), of_places AS (
    INSERT INTO item_tally AS known (scope, place, item_no, partition, {_COLUMNS})
    SELECT scope, place, item_no, partition, {_COUNTS}, sum(paise)
    FROM moved CROSS JOIN LATERAL (
        VALUES ('district', district_id), ('level', level)) AS place (scope, place)
    WHERE place IS NOT NULL
    GROUP BY scope, place, item_no, partition
    ORDER BY scope, place, item_no, partition
    ON CONFLICT (scope, place, item_no, partition) DO UPDATE SET {_added("known", "excluded")}
)"""

# A deficit on the unrecorded card is charged to the recorded lots, first expiry first
# (`projections.usable`); that, holds and recalls are looked at only where there are any. What the
# planner can't know: every look-up is by key, so nothing is joined but from a list of pairs by
# index.
STATE: Final = f"""
WITH recalled_items AS MATERIALIZED (
    SELECT DISTINCT item_no FROM recall_record JOIN item_number USING (item_id)
), old AS (
    SELECT state.ctid AS row_at, pair.facility_no, pair.item_no, evaluated_on, partition, level,
           district_id, counted_at, silent, state.item_no IS NULL AS is_new,
           state.usable AS was_usable, essential, min_quantity, max_quantity, unit_cost_paise,
           tallied_as AS was_tallied_as,
           coalesce(state.expiring_paise, 0) AS was_paise,
           state.last_at AS was_last_at, state.out_since AS was_out_since, first_at, first_new_at,
           used_on < evaluated_on AND window_days IS NOT NULL AS is_used_late,
           hold.item_no IS NOT NULL AS has_holds,
           pair.item_no = ANY (ARRAY(SELECT item_no FROM recalled_items)) AS has_recalls
    FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::date[])
        AS pair(facility_no, item_no, first_new_at, used_on)
    JOIN facility_state AS place USING (facility_no)
    LEFT JOIN item_state AS state
      ON state.facility_no = pair.facility_no AND state.item_no = pair.item_no
    LEFT JOIN LATERAL (
        SELECT item_no FROM lot_hold
        WHERE lot_hold.facility_no = pair.facility_no AND lot_hold.item_no = pair.item_no
        LIMIT 1
    ) AS hold ON true
), plain AS (
    SELECT old.*, lots.*, deficit < 0 OR has_holds OR has_recalls AS is_charged
    FROM old CROSS JOIN LATERAL (
        SELECT coalesce(sum(on_hand), 0)::bigint AS on_hand,
               coalesce(sum(good), 0)::bigint AS plain_usable,
               coalesce(sum(good) FILTER (
                   WHERE lot <> '' AND expiry <= evaluated_on + {EXPIRING_DAYS}
               ), 0)::bigint AS plain_expiring,
               min(on_hand) FILTER (WHERE lot = '') AS deficit,
               bool_or(on_hand > good) AS has_expired,
               bool_or(expiry < evaluated_on AND expiry >= india_day(first_new_at))
                 AS is_of_expired,
               max(occurred_at) AS last_at
        FROM card CROSS JOIN LATERAL (
            SELECT CASE WHEN lot <> '' AND expiry < evaluated_on THEN 0
                        ELSE greatest(on_hand, 0) END AS good
        ) AS lot
        WHERE card.facility_no = old.facility_no AND card.item_no = old.item_no
    ) AS lots
), told AS (
    SELECT plain.*,
           CASE WHEN is_charged THEN charged_usable ELSE plain_usable END AS usable,
           CASE WHEN is_charged THEN charged_expiring ELSE plain_expiring END AS expiring,
           coalesce(CASE WHEN is_charged THEN has_charged ELSE has_expired END, false)
             AS has_unusable,
           coalesce(first_new_at < was_last_at, false) OR coalesce(is_of_expired, false)
             OR first_new_at IS NOT NULL AND first_at IS NULL AND NOT is_new AS is_late
    FROM plain LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT coalesce(sum(good), 0)::bigint AS charged_usable,
                   coalesce(sum(good) FILTER (
                       WHERE lot <> '' AND expiry <= evaluated_on + {EXPIRING_DAYS}
                   ), 0)::bigint AS charged_expiring,
                   bool_or(deficit < 0 OR card.on_hand > good) AS has_charged
            FROM (
                SELECT lot, expiry, card.on_hand,
                       sum(greatest(card.on_hand, 0)) FILTER (WHERE lot <> '') OVER (
                           ORDER BY expiry, lot) + least(deficit, 0) AS left_through
                FROM card
                WHERE card.facility_no = plain.facility_no AND card.item_no = plain.item_no
            ) AS card CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN lot = '' THEN greatest(on_hand, 0)
                    WHEN on_hand <= 0 OR expiry < evaluated_on THEN 0
                    WHEN has_holds AND is_held(facility_no, item_no, lot) THEN 0
                    WHEN has_recalls AND is_recalled(facility_no, item_no, lot, evaluated_on) THEN 0
                    ELSE greatest(0, least(card.on_hand, left_through)) END AS good
            ) AS lot
        ) AS charge WHERE is_charged OFFSET 0 -- looked at first: nothing is done where it isn't so
    ) AS charged ON true
    OFFSET 0
), changed AS MATERIALIZED (
    SELECT *, expiring::numeric * coalesce(unit_cost_paise, 0) AS is_paise
    FROM told CROSS JOIN LATERAL (
        SELECT {STATUS} AS status,
               CASE WHEN is_new THEN usable <= 0 ELSE (was_usable > 0) <> (usable > 0) END
                 AS has_crossed
    ) AS rated CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT essential OR counted_at IS NULL OR is_new THEN NULL
                    WHEN silent THEN 'unknown' ELSE status END AS is_tallied_as
    ) AS tally
), put AS (
    UPDATE item_state AS state
    SET on_hand = changed.on_hand, usable = changed.usable, expiring = changed.expiring,
        status = changed.status, last_at = changed.last_at, tallied_as = is_tallied_as,
        expiring_paise = is_paise,
        out_since = CASE
            WHEN changed.usable > 0 THEN NULL
            WHEN first_new_at IS NOT NULL THEN was_out_since -- told again if that isn't right
            ELSE coalesce((
                SELECT began_at FROM stock_out
                WHERE stock_out.facility_no = changed.facility_no
                  AND stock_out.item_no = changed.item_no AND ended_at IS NULL), counted_at) END
    FROM changed
    WHERE state.ctid = changed.row_at
), {TALLY}
SELECT facility_no, item_no, is_new, is_late, coalesce(is_used_late, false), has_unusable,
       has_crossed
FROM changed
WHERE is_new OR is_late OR is_used_late OR has_unusable OR has_crossed
"""


UNTELL: Final = f"""
WITH changed AS MATERIALIZED (
    SELECT facility_no, partition, district_id, level, item_no, tallied_as AS was_tallied_as,
           state.expiring_paise AS was_paise, NULL::text AS is_tallied_as, 0::numeric AS is_paise
    FROM facility_state JOIN item_state AS state USING (facility_no)
    WHERE facility_no = ANY ($1::int[]) AND (tallied_as IS NOT NULL OR state.expiring_paise <> 0)
), put AS (
    UPDATE item_state SET tallied_as = NULL, expiring_paise = 0
    WHERE facility_no = ANY ($1::int[]) AND (tallied_as IS NOT NULL OR expiring_paise <> 0)
), {TALLY}
SELECT FROM changed LIMIT 0
"""


class Flagged(NamedTuple):
    """An item that needs a closer look. `is_late`: an entry came before what was known,
    or is the first that stands;
    `has_unusable`: some of what is on hand isn't usable, so that cards don't tell when it ran out.
    """

    facility_no: int
    item_no: int
    is_new: bool
    is_late: bool
    is_used_late: bool
    has_unusable: bool
    has_crossed: bool


async def tell_states(
    connection: "asyncpg.Connection[Any]",
    pairs: Collection[Pair],
    first_new: Mapping[Pair, datetime] = NOTHING,
    used_on: Mapping[Pair, date] = NOTHING,
) -> list[Flagged]:
    """Write the state of these items, where they have been rated once; what needs a closer look.

    Args:
        first_new: the first entry, in fold order, that this transaction brought.
        used_on: the first day on which it brought a use.
    """
    if not pairs:
        return []
    rows = await connection.fetch(
        STATE,
        [facility_no for facility_no, _ in pairs],
        [item_no for _, item_no in pairs],
        [first_new.get(pair) for pair in pairs],
        [used_on.get(pair) for pair in pairs],
    )
    return [Flagged(*row) for row in rows]


async def untell(connection: "asyncpg.Connection[Any]", facility_nos: Sequence[int]) -> None:
    """Take facilities out of the roll-ups, under the places that they are counted under."""
    await connection.execute(UNTELL, facility_nos)
