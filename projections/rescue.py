"""What a facility with too much of an item can give to one that needs it. Pure: no I/O."""

from collections.abc import Iterable, Sequence
from datetime import date
from math import floor
from typing import NamedTuple

from projections.usable import LotStock, first_expiry_first, lot_state


class GivenLot(NamedTuple):
    lot: str
    expiry: date | None
    quantity: int


class Need(NamedTuple):
    """`quantity`: up to its maximum, beside what is on its way; None where it has no norm.
    `per_day`: what it uses, if that is known.
    """

    quantity: int | None
    per_day: float | None


def choose_lots(
    stocks: Sequence[LotStock], *, at_most: int, per_day: float | None, today: date
) -> list[GivenLot]:
    """First expiry first, of each lot what is used up before it expires; `at_most` in all.

    Stock of the unrecorded lot can't be sent, as nobody knows which packs it is.
    """
    chosen: list[GivenLot] = []
    given = 0
    for stock, left in list_usable(stocks, today):
        quantity = min(left, at_most - given)
        if per_day is not None and stock.expiry is not None:
            days = (stock.expiry - today).days + 1
            quantity = min(quantity, floor(per_day * days) - given)
        if quantity > 0:
            chosen.append(GivenLot(stock.lot, stock.expiry, quantity))
            given += quantity
    return chosen


def list_usable(stocks: Iterable[LotStock], today: date) -> list[tuple[LotStock, int]]:
    """Recorded lots that may be given, and how much of each: `usable_quantity`, lot by lot."""
    ordered = first_expiry_first(stocks)
    deficit = sum(max(0, -stock.on_hand) for stock in ordered if not stock.lot)
    usable = []
    for stock in ordered:
        if not stock.lot or stock.on_hand <= 0:
            continue
        charged = min(stock.on_hand, deficit)
        deficit -= charged
        if stock.on_hand > charged and lot_state(stock, today) == "usable":
            usable.append((stock, stock.on_hand - charged))
    return usable
