"""When an item was out at a facility: all its lots together, by instants. Pure: no I/O."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    for instant in _list_instants(history, begin, until):
        is_out = _usable_at(history.lots, instant, min(india_day(instant), until)) <= 0
        if is_out and out_since is None:
            out_since = instant
        elif not is_out and out_since is not None:
            stock_outs.append(StockOut(out_since, instant))
            out_since = None
    if out_since is not None:
        stock_outs.append(StockOut(out_since, None))
    return stock_outs


def _list_instants(history: ItemHistory, begin: datetime, until: date) -> list[datetime]:
    """At which something may change, and the beginning."""
    instants = {begin}
    for lot in history.lots.values():
        instants.update(instant for instant, _ in lot.balances)
        for span in lot.withheld:
            instants.update(instant for instant in span if instant is not None)
        if lot.expiry is not None and lot.expiry < until:
            instants.add(india_midnight(lot.expiry + timedelta(days=1)))
    return sorted(instant for instant in instants if instant >= begin)


def _usable_at(lots: Mapping[str, LotHistory], instant: datetime, today: date) -> int:
    stocks = [
        LotStock(name, lot.expiry, _balance_at(lot, instant), _is_withheld(lot.withheld, instant))
        for name, lot in lots.items()
    ]
    return usable_quantity(stocks, today)


def _balance_at(lot: LotHistory, instant: datetime) -> int:
    place = bisect_right(lot.balances, instant, key=itemgetter(0))
    return lot.balances[place - 1][1] if place else lot.opening


def _is_withheld(spans: Iterable[tuple[datetime, datetime | None]], instant: datetime) -> bool:
    return any(
        began_at <= instant and (ended_at is None or instant < ended_at)
        for began_at, ended_at in spans
    )
