"""Items of which a facility had no fact before: all that is known of them came just now.

So their figures need no look at the ledger, and their row is written once. That is the whole of an
opening, and of a rebuild's first half.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from projections.cards import Fold, Lines
from projections.figures.rating import rated_pairs
from projections.figures.states import EXPIRING_DAYS, STATUS, TALLY
from projections.figures.stock_outs import Pair
from projections.figures.timeline import Balance, ItemHistory, LotHistory, StockOut, list_stock_outs
from projections.usable import LotStock, usable_lots

# With the day of their facility. What is held or recalled may never have been usable.
FIND_NEW: Final = """
SELECT asked.facility_no, asked.item_no, evaluated_on
FROM unnest($1::int[], $2::int[]) AS asked(facility_no, item_no)
JOIN facility_state USING (facility_no)
WHERE NOT EXISTS (SELECT FROM item_state AS state WHERE state.facility_no = asked.facility_no
                                                    AND state.item_no = asked.item_no OFFSET 0)
  AND NOT EXISTS (SELECT FROM lot_hold WHERE lot_hold.facility_no = asked.facility_no
                                         AND lot_hold.item_no = asked.item_no OFFSET 0)
  AND asked.item_no <> ALL (ARRAY(
      SELECT item_no FROM recall_record JOIN item_number USING (item_id)))
"""

PUT: Final = f"""
WITH {
    rated_pairs('''
    SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
                         $6::timestamptz[], $7::timestamptz[], $8::timestamptz[])
        AS told(facility_no, item_no, on_hand, usable, expiring, first_at, last_at, out_since)
''')
}, changed AS MATERIALIZED (
    SELECT rated.*, status, is_tallied_as, NULL::text AS was_tallied_as, 0::numeric AS was_paise,
           CASE WHEN is_tallied_as IS NULL THEN 0
                ELSE expiring::numeric * coalesce(unit_cost_paise, 0) END AS is_paise
    FROM rated CROSS JOIN LATERAL (SELECT {STATUS} AS status) AS told
    CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT essential OR counted_at IS NULL THEN NULL
                    WHEN silent THEN 'unknown' ELSE status END AS is_tallied_as
    ) AS tally
), put AS (
    INSERT INTO item_state (facility_no, item_no, on_hand, usable, expiring, status, out_since,
                            essential, tallied_as, unit_cost_paise, expiring_paise, last_at,
                            first_at, window_days, consumed, available_seconds, min_quantity,
                            max_quantity)
    SELECT facility_no, item_no, on_hand, usable, expiring, status, out_since, essential,
           is_tallied_as, unit_cost_paise, is_paise, last_at, first_at, window_days, consumed,
           available_seconds, min_quantity, max_quantity
    FROM changed
), {TALLY}
SELECT FROM changed LIMIT 0
"""

EXPIRING_TIME: Final = timedelta(days=EXPIRING_DAYS)


class _Told(NamedTuple):
    """`spans`: its stock-outs, the last of them open where it is out now."""

    on_hand: int
    usable: int
    expiring: int
    first_at: datetime
    last_at: datetime
    spans: list[StockOut]


async def tell_first_facts(
    connection: "asyncpg.Connection[Any]",
    lines: Lines,
    fold: Fold,
    apart: Collection[Pair],
    known: Collection[Pair],
) -> set[Pair]:
    """Write the figures of items that are new at their facility; returns those.

    What they used must be written, and their facilities be up to date.

    Args:
        apart: items whose entries aren't all in order, or that are otherwise unusual.
        known: items that had one of these cards before.
    """
    asked = {(facility_no, item_no) for facility_no, item_no, _ in lines}
    asked.difference_update(known, apart)
    asked.difference_update(_list_reversed(lines, asked))
    if not asked:
        return asked
    rows = await connection.fetch(FIND_NEW, *zip(*asked, strict=True))
    days: dict[Pair, date] = {(facility_no, item_no): day for facility_no, item_no, day in rows}
    if not days:
        return set()
    told = _tell(fold, days)
    spans = [(*pair, *span) for pair, each in told.items() for span in each.spans]
    if spans:
        await connection.copy_records_to_table("stock_out", records=spans)
    await connection.execute(
        PUT,
        *zip(
            *((*pair, *each[:-1], _out_since(each.spans)) for pair, each in told.items()),
            strict=True,
        ),
    )
    return set(told)


def _list_reversed(lines: Lines, asked: Collection[Pair]) -> list[Pair]:
    return [
        (facility_no, item_no)
        for (facility_no, item_no, _), of_card in lines.items()
        if (facility_no, item_no) in asked
        for _, arrival, _ in of_card
        if arrival.reversed_at is not None
    ]


def _tell(fold: Fold, days: dict[Pair, date]) -> dict[Pair, _Told]:
    balances: dict[Pair, dict[str, list[Balance]]] = defaultdict(dict)
    for (facility_no, item_no, lot), arrival, _, balance, _ in fold.entries:
        pair = (facility_no, item_no)
        if pair in days:
            of_lot = balances[pair].setdefault(lot, [])
            of_lot.append((arrival.event.occurred_at, balance))
    return {
        pair: _tell_item(
            {lot: (fold.cards[*pair, lot][1], changes) for lot, changes in of_item.items()},
            days[pair],
        )
        for pair, of_item in balances.items()
    }


def _tell_item(lots: dict[str, tuple[date | None, list[Balance]]], today: date) -> _Told:
    stocks = [LotStock(lot, expiry, changes[-1][1]) for lot, (expiry, changes) in lots.items()]
    usable = usable_lots(stocks, today)
    first_at = min([changes[0][0] for _, changes in lots.values()])
    last_at = max([changes[-1][0] for _, changes in lots.values()])
    quantity = sum([each for _, each in usable])
    expired = [expiry for expiry, _ in lots.values() if expiry is not None and expiry < today]
    if first_at == last_at and not expired:
        spans = [] if quantity > 0 else [StockOut(first_at, None)]
    else:
        histories = {lot: LotHistory(expiry, 0, changes) for lot, (expiry, changes) in lots.items()}
        spans = list_stock_outs(ItemHistory(first_at, first_at, None, histories), today)
    soon = today + EXPIRING_TIME
    return _Told(
        sum([stock.on_hand for stock in stocks]),
        quantity,
        sum([each for expiry, each in usable if expiry is not None and expiry <= soon]),
        first_at,
        last_at,
        spans,
    )


def _out_since(spans: list[StockOut]) -> datetime | None:
    return spans[-1].began_at if spans and spans[-1].ended_at is None else None
