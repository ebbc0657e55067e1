"""Items of which a facility had no fact before: all that is known of them came just now.

So their figures need no look at the ledger, and their row is written once. That is the whole of an
opening, and of a rebuild's first half.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from projections.cards import Fold, Lines
from projections.figures.rating import rated_pairs
from projections.figures.states import EXPIRING_DAYS, STATUS, TALLY
from projections.figures.stock_outs import Pair
from projections.figures.timeline import Balance, ItemHistory, LotHistory, StockOut, list_stock_outs
from projections.usable import LotStock, usable_lots

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


class _Item(NamedTuple):
    """All that is known of an item: its lots now, its first and its last entry."""

    stocks: list[LotStock]
    first_at: datetime
    last_at: datetime


async def tell_first_facts(
    connection: "asyncpg.Connection[Any]",
    lines: Lines,
    fold: Fold,
    pairs: Collection[Pair],
    days: Mapping[int, date],
) -> None:
    """Write the figures of items that are new at their facility.

    What they used must be written, and their facilities be up to date.

    Args:
        pairs: these items. No lot of theirs is held or recalled, no entry late or reversed.
        days: on which the figures of each facility stand.
    """
    if not pairs:
        return
    items = _gather(lines, fold, pairs)
    balances = _list_balances(
        fold, {pair for pair, item in items.items() if _may_turn(item, days[pair[0]])}
    )
    rows: list[tuple[Any, ...]] = []
    spans: list[tuple[Any, ...]] = []
    for pair, item in items.items():
        today = days[pair[0]]
        usable = usable_lots(item.stocks, today)
        quantity = sum([each for _, each in usable])
        if pair in balances:
            stock_outs = _list_stock_outs(item, balances[pair], today)
        else:
            stock_outs = [] if quantity > 0 else [StockOut(item.first_at, None)]
        spans += [(*pair, *each) for each in stock_outs]
        is_out = stock_outs and stock_outs[-1].ended_at is None
        soon = today + EXPIRING_TIME
        rows.append(
            (
                *pair,
                sum([stock.on_hand for stock in item.stocks]),
                quantity,
                sum([each for expiry, each in usable if expiry is not None and expiry <= soon]),
                item.first_at,
                item.last_at,
                stock_outs[-1].began_at if is_out else None,
            )
        )
    if spans:
        await connection.copy_records_to_table("stock_out", records=spans)
    await connection.execute(PUT, *zip(*rows, strict=True))


def _gather(lines: Lines, fold: Fold, pairs: Collection[Pair]) -> dict[Pair, _Item]:
    items: dict[Pair, _Item] = {}
    for card, (on_hand, expiry, (last_at, _, _)) in fold.cards.items():
        pair = card[:2]
        if pair not in pairs:
            continue
        stock, first_at = LotStock(card[2], expiry, on_hand), lines[card][0][0][0]
        item = items.get(pair)
        if item is None:
            items[pair] = _Item([stock], first_at, last_at)
        else:
            stocks = [*item.stocks, stock]
            items[pair] = _Item(stocks, min(first_at, item.first_at), max(last_at, item.last_at))
    return items


def _may_turn(item: _Item, today: date) -> bool:
    """Whether it may have run out, or come back, after its first entry."""
    if item.first_at != item.last_at:
        return True
    return any(stock.expiry is not None and stock.expiry < today for stock in item.stocks)


def _list_balances(fold: Fold, pairs: Collection[Pair]) -> dict[Pair, dict[str, list[Balance]]]:
    balances: dict[Pair, dict[str, list[Balance]]] = {}
    if not pairs:
        return balances
    for card, arrival, _, balance, _ in fold.entries:
        if card[:2] in pairs:
            of_item = balances.setdefault(card[:2], defaultdict(list))
            of_item[card[2]].append((arrival.event.occurred_at, balance))
    return balances


def _list_stock_outs(
    item: _Item, balances: dict[str, list[Balance]], today: date
) -> list[StockOut]:
    lots = {stock.lot: LotHistory(stock.expiry, 0, balances[stock.lot]) for stock in item.stocks}
    return list_stock_outs(ItemHistory(item.first_at, item.first_at, None, lots), today)
