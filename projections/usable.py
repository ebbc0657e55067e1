"""Which of an item's stock may be given to a patient: the one place that says so."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

LotState = Literal["usable", "expired", "held", "recalled"]


class LotStock(NamedTuple):
    """What a facility's book says of one lot of an item. `lot` is '' for the unrecorded one."""

    lot: str
    expiry: date | None
    on_hand: int
    held: bool = False
    recalled: bool = False


def lot_state(stock: LotStock, today: date) -> LotState:
    """`today` is the facility's own date: a lot is usable through its expiry day.

    The unrecorded lot is of nobody knows which packs, so no expiry date rules it out.
    """
    lot, expiry, _, held, recalled = stock
    if recalled:
        return "recalled"
    if held:
        return "held"
    if expiry is not None and expiry < today and lot:
        return "expired"
    return "usable"


def usable_quantity(stocks: Sequence[LotStock], today: date) -> int:
    """Base units of one item that may be given on `today`; `stocks` are all its cards."""
    return sum(quantity for _, quantity in usable_lots(stocks, today))


def usable_lots(stocks: Sequence[LotStock], today: date) -> list[tuple[date | None, int]]:
    """Expiry and quantity of what may be given on `today`; `stocks` are all cards of one item.

    A deficit on the unrecorded card was most likely taken from a recorded lot, so it is charged to
    those that have stock, in the order in which they should have been given, whatever their state.
    What is left of the lots in state `usable`, and a positive unrecorded balance, may be given.
    """
    deficit = 0
    for stock in stocks:
        if not stock.lot:
            deficit -= stock.on_hand
    usable: list[tuple[date | None, int]] = [(None, -deficit)] if deficit < 0 else []
    for stock in first_expiry_first(stocks) if deficit > 0 else stocks:
        left = stock.on_hand
        if not stock.lot or left <= 0:
            continue
        if deficit > 0:
            charged = min(left, deficit)
            left -= charged
            deficit -= charged
        if left and lot_state(stock, today) == "usable":
            usable.append((stock.expiry, left))
    return usable


def first_expiry_first(stocks: Iterable[LotStock]) -> list[LotStock]:
    """First expiry first, no expiry last, then by lot in code point order."""
    return sorted(stocks, key=lambda stock: (stock.expiry or date.max, stock.lot))
