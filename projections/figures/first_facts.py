"""Items of which a facility had no fact before: all that is known of them came just now.

So their figures need no look at the ledger, and their row is written once. That is the whole of an
opening, and of a rebuild's first half.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

import asyncpg

from projections.cards import Fold, Lines
from projections.figures.states import EXPIRING_DAYS, TALLY
from projections.figures.stock_outs import Pair
from projections.figures.terms import Place, Terms, find_places, find_terms
from projections.figures.timeline import Balance, ItemHistory, LotHistory, StockOut, list_stock_outs
from projections.usable import LotStock, usable_lots

COLUMNS: Final = (
    "facility_no",
    "item_no",
    "on_hand",
    "usable",
    "expiring",
    "status",
    "out_since",
    "essential",
    "tallied_as",
    "unit_cost_paise",
    "last_at",
    "first_at",
    "window_days",
    "consumed",
    "available_seconds",
    "min_quantity",
    "max_quantity",
    "expiring_paise",
)
"""The last has a default: a numeric is dear to send, and nearly always 0."""

TALLY_FIRST: Final = f"""
WITH changed AS MATERIALIZED (
    SELECT facility_no, partition, district_id, level, item_no, NULL::text AS was_tallied_as,
           0::numeric AS was_paise, is_tallied_as, is_paise
    FROM unnest($1::int[], $2::int[], $3::text[], $4::numeric[])
        AS told(facility_no, item_no, is_tallied_as, is_paise)
    JOIN facility_state USING (facility_no)
), {TALLY}
SELECT FROM changed LIMIT 0
"""

EXPIRING_TIME: Final = timedelta(days=EXPIRING_DAYS)

Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class _Item:
    """All that is known of an item: its lots now, its first and its last entry; of it follow how
    much is usable, how much of that expires soon, and when it was out.
    """

    stocks: list[LotStock]
    first_at: datetime
    last_at: datetime
    usable: int = 0
    expiring: int = 0
    stock_outs: Sequence[StockOut] = ()


async def tell_first_facts(
    connection: "asyncpg.Connection[Any]", lines: Lines, fold: Fold, pairs: Collection[Pair]
) -> None:
    """Write the figures of items that are new at their facility.

    What they used must be written, and their facilities be up to date.

    Args:
        pairs: these items. No lot of theirs is held or recalled, no entry late or reversed.
    """
    if not pairs:
        return
    items = _gather(lines, fold, pairs)
    places = await find_places(connection, {facility_no for facility_no, _ in items})
    _settle(items, fold, places)
    spans = [(*pair, *each) for pair, item in items.items() for each in item.stock_outs]
    if spans:
        await connection.copy_records_to_table("stock_out", records=spans)
    terms = await find_terms(connection, items, places)
    await _put(connection, [_row(pair, items[pair], terms[pair], places) for pair in items])


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
            item.stocks.append(stock)
            item.first_at = min(first_at, item.first_at)
            item.last_at = max(last_at, item.last_at)
    return items


def _settle(items: dict[Pair, _Item], fold: Fold, places: dict[int, Place]) -> None:
    """What is usable of each, and when it was out."""
    balances = _list_balances(
        fold,
        {pair for pair, item in items.items() if _may_turn(item, places[pair[0]].evaluated_on)},
    )
    for pair, item in items.items():
        today = places[pair[0]].evaluated_on
        soon = today + EXPIRING_TIME
        for expiry, quantity in usable_lots(item.stocks, today):
            item.usable += quantity
            if expiry is not None and expiry <= soon:
                item.expiring += quantity
        if pair in balances:
            item.stock_outs = _list_stock_outs(item, balances[pair], today)
        elif item.usable <= 0:
            item.stock_outs = (StockOut(item.first_at, None),)


def _may_turn(item: _Item, today: date) -> bool:
    """Whether it may have run out, or come back, after its first entry."""
    if item.first_at != item.last_at:
        return True
    expiries = [stock.expiry for stock in item.stocks if stock.expiry is not None]
    return bool(expiries) and min(expiries) < today


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


def _row(pair: Pair, item: _Item, terms: Terms, places: dict[int, Place]) -> Row:
    essential, unit_cost_paise, window_days, status, *rated = terms
    place = places[pair[0]]
    status = status if item.usable > 0 else "out"
    tallied_as = None
    if essential and place.is_counted:
        tallied_as = "unknown" if place.silent else status
    last = item.stock_outs[-1] if item.stock_outs else None
    return (
        *pair,
        sum([stock.on_hand for stock in item.stocks]),
        item.usable,
        item.expiring,
        status,
        last.began_at if last and last.ended_at is None else None,
        essential,
        tallied_as,
        unit_cost_paise,
        item.last_at,
        item.first_at,
        window_days,
        *rated,
        item.expiring * (unit_cost_paise or 0),
    )


async def _put(connection: "asyncpg.Connection[Any]", rows: Collection[Row]) -> None:
    for columns, group in (
        (COLUMNS, [row for row in rows if row[-1]]),
        (COLUMNS[:-1], [row[:-1] for row in rows if not row[-1]]),
    ):
        if group:
            await connection.copy_records_to_table("item_state", columns=columns, records=group)
    tallied = [(row[0], row[1], row[8], row[-1]) for row in rows if row[8] or row[-1]]
    if tallied:
        await connection.execute(TALLY_FIRST, *zip(*tallied, strict=True))
