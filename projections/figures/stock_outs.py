"""Stock-outs of items whose history changed: read from the ledger, folded again, written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import asyncpg

from projections.figures.timeline import ItemHistory, LotHistory, list_stock_outs

Pair: TypeAlias = tuple[int, int]
"""(facility_no, item_no)"""

Since: TypeAlias = Mapping[Pair, datetime]
"""From when on what happened to an item may have changed."""

BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)

# What ended before `since` stays; what was open then tells whether the item was out at the time.
FORGET: Final = """
DELETE FROM stock_out USING unnest($1::int[], $2::int[], $3::timestamptz[])
    AS changed(facility_no, item_no, since)
WHERE stock_out.facility_no = changed.facility_no AND stock_out.item_no = changed.item_no
  AND (ended_at IS NULL OR ended_at >= since)
RETURNING stock_out.facility_no, stock_out.item_no,
          CASE WHEN began_at < since THEN began_at END AS began_at
"""

# A row a card. A hold is of a lot at its facility; a recall is in force from the day of its
# `valid_from` on, everywhere. What a lot has matters only where a deficit is charged to it
# (`projections.usable`), else whether it has any: of 100,000 entries after a late one the few that
# emptied or filled it.
HISTORIES: Final = """
SELECT changed.facility_no, changed.item_no, evaluated_on, lot, expiry,
       coalesce(opening, 0) AS opening, instants, balances, first_at,
       CASE WHEN EXISTS (
           SELECT FROM lot_hold WHERE lot_hold.facility_no = changed.facility_no
             AND lot_hold.item_no = changed.item_no AND lot_hold.lot = card.lot
       ) THEN held_spans(changed.facility_no, changed.item_no, lot) END AS held,
       CASE WHEN lot <> '' AND changed.item_no = ANY (ARRAY(
           SELECT item_no FROM recall_record JOIN item_number USING (item_id)
       )) THEN recalled_spans(changed.facility_no, changed.item_no, lot, evaluated_on)
       END AS recalled
FROM unnest($1::int[], $2::int[], $3::timestamptz[]) AS changed(facility_no, item_no, since)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM ledger_entry AS e
        WHERE e.facility_no = changed.facility_no AND e.item_no = changed.item_no AND e.lot = ''
          AND balance < 0
    ) AS is_charged OFFSET 0
) AS deficit
JOIN facility_state USING (facility_no)
JOIN card ON card.facility_no = changed.facility_no AND card.item_no = changed.item_no
LEFT JOIN LATERAL (
    SELECT balance AS opening FROM ledger_entry AS e
    WHERE e.facility_no = card.facility_no AND e.item_no = card.item_no AND e.lot = card.lot
      AND e.occurred_at < since
    ORDER BY occurred_at DESC, event_id DESC, line_no DESC LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT occurred_at AS first_at FROM ledger_entry AS e
    WHERE e.facility_no = card.facility_no AND e.item_no = card.item_no AND e.lot = card.lot
      AND reversed_at IS NULL
    ORDER BY occurred_at LIMIT 1
) AS first ON true
CROSS JOIN LATERAL (
    SELECT array_agg(occurred_at ORDER BY occurred_at, event_id, line_no) AS instants,
           array_agg(balance ORDER BY occurred_at, event_id, line_no) AS balances
    FROM (
        SELECT *, lag(balance, 1, coalesce(opening, 0)) OVER (
            ORDER BY occurred_at, event_id, line_no) AS was
        FROM ledger_entry AS e
        WHERE e.facility_no = card.facility_no AND e.item_no = card.item_no AND e.lot = card.lot
          AND e.occurred_at >= since
    ) AS e
    WHERE is_charged OR (balance > 0) <> (was > 0)
) AS entry
"""


async def refold_stock_outs(connection: "asyncpg.Connection[Any]", since: Since) -> None:
    """Tell anew when these items were out, from the given instants on."""
    if not since:
        return
    columns = (
        [facility_no for facility_no, _ in since],
        [item_no for _, item_no in since],
        list(since.values()),
    )
    histories = {pair: ItemHistory(begin, None) for pair, begin in since.items()}
    for facility_no, item_no, began_at in await connection.fetch(FORGET, *columns):
        if began_at is not None:
            histories[facility_no, item_no].out_since = began_at
    until = {}
    for row in await connection.fetch(HISTORIES, *columns):
        pair = (row["facility_no"], row["item_no"])
        until[pair] = row["evaluated_on"]
        history = histories[pair]
        history.lots[row["lot"]] = _lot(row)
        if row["first_at"] is not None:
            history.first_at = min(row["first_at"], history.first_at or row["first_at"])
    rows = [
        (*pair, *stock_out)
        for pair, history in histories.items()
        if pair in until
        for stock_out in list_stock_outs(history, until[pair])
    ]
    if rows:
        await connection.copy_records_to_table("stock_out", records=rows)


def _lot(row: asyncpg.Record) -> LotHistory:
    return LotHistory(
        row["expiry"],
        row["opening"],
        list(zip(row["instants"] or (), row["balances"] or (), strict=True)),
        [(span.lower, span.upper) for span in (*(row["held"] or ()), *(row["recalled"] or ()))],
    )
