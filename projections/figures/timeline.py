"""When an item was out at a facility: all its lots together, by instants. Pure: no I/O.

A lot may have 100,000 entries after one that came late, so they are walked once, in order.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from projections.figures.days import india_day, india_midnight
from projections.usable import LotStock, usable_quantity

Balance: TypeAlias = tuple[datetime, int]
"""From this instant on the lot's balance is this. Of several at one instant the last counts."""


class StockOut(NamedTuple):
    began_at: datetime
    ended_at: datetime | None


@dataclass(slots=True)
class LotHistory:
    """A lot's balance before a timeline begins, and what changes it from then on.

    `withheld`: the spans, each with an end or without, in which it was held or recalled.
    """

    expiry: date | None
    opening: int = 0
    balances: Sequence[Balance] = ()
    withheld: Collection[tuple[datetime, datetime | None]] = ()


@dataclass(slots=True)
class ItemHistory:
    """An item at a facility from `since` on.

    `first_at`: its first unreversed entry, before which it can't be out. `out_since`: when the
    stock-out began in which it was just before `since`.
    """

    since: datetime
    first_at: datetime | None
    out_since: datetime | None = None
    lots: dict[str, LotHistory] = field(default_factory=dict)


def list_stock_outs(history: ItemHistory, until: date) -> list[StockOut]:
    """The stock-outs that end at or after `since`, in order, as known on the day `until`.

    A lot expires with its day's end; of later days than `until` nothing expires yet.
    """
    if history.first_at is None:
        return []
    begin = max(history.since, history.first_at)
    stock_outs: list[StockOut] = []
    out_since = history.out_since
    for instant, is_out in _walk(list(history.lots.items()), begin, until):
        if is_out and out_since is None:
            out_since = instant
        elif not is_out and out_since is not None:
            stock_outs.append(StockOut(out_since, instant))
            out_since = None
    if out_since is not None:
        stock_outs.append(StockOut(out_since, None))
    return stock_outs


def _walk(
    lots: Sequence[tuple[str, LotHistory]], begin: datetime, until: date
) -> Iterator[tuple[datetime, bool]]:
    """Whether the item is out, at `begin` and at each instant after it that may change that."""
    stocks = [
        LotStock(name, lot.expiry, lot.opening, _is_withheld(lot.withheld, begin))
        for name, lot in lots
    ]
    day, day_ends_at = _day_of(begin, until)
    instant = begin
    for at, number, balance in _list_changes(lots, begin, until):
        if at > instant:
            yield instant, usable_quantity(stocks, day) <= 0
            instant = at
            if day_ends_at is not None and instant >= day_ends_at:
                day, day_ends_at = _day_of(instant, until)
        stock, lot = stocks[number], lots[number][1]
        stocks[number] = LotStock(
            stock.lot,
            stock.expiry,
            stock.on_hand if balance is None else balance,
            bool(lot.withheld) and _is_withheld(lot.withheld, at),
        )
    yield instant, usable_quantity(stocks, day) <= 0


def _list_changes(
    lots: Sequence[tuple[str, LotHistory]], begin: datetime, until: date
) -> list[tuple[datetime, int, int | None]]:
    """In order: (instant, number of the lot, its balance from then on if that is what changes).

    What was before `begin` is told at it.
    """
    changes: list[tuple[datetime, int, int | None]] = []
    for number, (_, lot) in enumerate(lots):
        changes += [(max(at, begin), number, balance) for at, balance in lot.balances]
        for span in lot.withheld:
            changes += [(at, number, None) for at in span if at is not None and at > begin]
        if lot.expiry is not None and lot.expiry < until:
            expires_at = india_midnight(lot.expiry + timedelta(days=1))
            changes += [(expires_at, number, None)] if expires_at > begin else ()
    changes.sort(key=itemgetter(0))  # stable: of several at one instant the last stays the last
    return changes


def _day_of(instant: datetime, until: date) -> tuple[date, datetime | None]:
    """India's day, at most `until`, and when the next one begins that is."""
    day = min(india_day(instant), until)
    return day, india_midnight(day + timedelta(days=1)) if day < until else None


def _is_withheld(spans: Iterable[tuple[datetime, datetime | None]], instant: datetime) -> bool:
    return any(
        began_at <= instant and (ended_at is None or instant < ended_at)
        for began_at, ended_at in spans
    )
