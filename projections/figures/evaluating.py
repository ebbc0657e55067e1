"""Evaluating facilities whole: for a new day, after records changed, counted for the first time."""

from collections.abc import Collection
from datetime import date
from typing import Any, Final

import asyncpg

from projections.figures.places import bring_to_day
from projections.figures.rating import rate
from projections.figures.states import tell_states
from projections.figures.stock_outs import BEGINNING, Pair, refold_stock_outs

# Every item with a state, and of facilities that have been counted every essential one.
LIST_ITEMS: Final = """
SELECT facility_no, item_no FROM item_state WHERE facility_no = ANY ($1::int[])
UNION
SELECT facility_no, item_no FROM facility_state AS place CROSS JOIN LATERAL (
    SELECT DISTINCT ON (item_id) item_id, body -> 'levels' AS levels FROM item_record
    WHERE valid_from < india_midnight(evaluated_on + 1)
    ORDER BY item_id, valid_from DESC, log_offset DESC
) AS product JOIN item_number USING (item_id)
WHERE facility_no = ANY ($1::int[]) AND counted_at IS NOT NULL AND levels ? level
"""

# Lots that expired since, and recalls that begin or end with a day since.
LIST_TURNED: Final = """
WITH moved AS (
    SELECT * FROM unnest($1::int[], $2::date[], $3::date[])
        AS moved(facility_no, was_on, evaluated_on)
)
SELECT facility_no, item_no, min(since) FROM (
    SELECT facility_no, item_no, india_midnight(expiry + 1) AS since
    FROM moved JOIN card USING (facility_no)
    WHERE lot <> '' AND expiry >= was_on AND expiry < evaluated_on
    UNION ALL
    SELECT facility_no, item_no, india_midnight(day)
    FROM (
        SELECT DISTINCT item_no, india_day(recall.valid_from) AS day FROM recall_record AS recall
        JOIN recall_record AS version USING (recall_id)
        JOIN item_number ON item_number.item_id = version.item_id
    ) AS turn JOIN moved ON day > was_on AND day <= evaluated_on
    JOIN item_state USING (facility_no, item_no)
) AS turned GROUP BY facility_no, item_no
"""

# Neither essential nor ever there.
DROP: Final = """
DELETE FROM item_state AS state USING unnest($1::int[], $2::int[]) AS pair(facility_no, item_no)
WHERE state.facility_no = pair.facility_no AND state.item_no = pair.item_no
  AND state.tallied_as IS NULL AND NOT EXISTS (
      SELECT FROM card WHERE card.facility_no = pair.facility_no AND card.item_no = pair.item_no)
"""


async def evaluate(
    connection: "asyncpg.Connection[Any]",
    facility_nos: Collection[int],
    day: date,
) -> None:
    """Tell all figures of these facilities anew, for `day`."""
    days = await bring_to_day(connection, list(facility_nos), day)
    if not days:
        return
    turned = await connection.fetch(LIST_TURNED, *zip(*days, strict=True))
    await refold_stock_outs(
        connection, {(facility_no, item_no): since for facility_no, item_no, since in turned}
    )
    await evaluate_whole(connection, facility_nos)


async def evaluate_whole(
    connection: "asyncpg.Connection[Any]",
    facility_nos: Collection[int],
    apart: Collection[Pair] = (),
) -> None:
    """Tell all items of these facilities, which are up to date, but those `apart`."""
    rows = await connection.fetch(LIST_ITEMS, list(facility_nos))
    pairs = {(facility_no, item_no) for facility_no, item_no in rows}
    if pairs := pairs.difference(apart):
        await evaluate_items(connection, pairs)


async def evaluate_items(
    connection: "asyncpg.Connection[Any]",
    pairs: Collection[Pair],
    recalled: Collection[Pair] = (),
) -> None:
    """Tell the figures of items anew, for the day of their facilities; of recalled ones the past
    as well.
    """
    await refold_stock_outs(connection, dict.fromkeys(recalled, BEGINNING))
    await rate(connection, pairs)
    await tell_states(connection, pairs)
    await connection.execute(
        DROP, [facility_no for facility_no, _ in pairs], [item_no for _, item_no in pairs]
    )
