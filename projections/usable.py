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

    @property
    def is_recorded(self) -> bool:
        return self.lot != ""


def lot_state(stock: LotStock, today: date) -> LotState:
    """`today` is the facility's own date: a lot is usable through its expiry day.

    The unrecorded lot is of nobody knows which packs, so no expiry date rules it out.
    """
    if stock.recalled:
        return "recalled"
    if stock.held:
        return "held"
    if stock.is_recorded and stock.expiry is not None and stock.expiry < today:
        return "expired"
    return "usable"


def usable_quantity(stocks: Sequence[LotStock], today: date) -> int:
    """Base units of one item that may be given on `today`; `stocks` are all its cards.

    A deficit on the unrecorded card was most likely taken from a recorded lot, so it is charged to
    those that have stock, in the order in which they should have been given, whatever their state.
    What is left of the lots in state `usable`, and a positive unrecorded balance, may be given.
    """
    deficit = -sum(stock.on_hand for stock in stocks if not stock.is_recorded)
    usable = max(0, -deficit)
    for stock in first_expiry_first(stocks) if deficit > 0 else stocks:
        if not stock.is_recorded or stock.on_hand <= 0:
            continue
        charged = min(stock.on_hand, max(0, deficit))
        deficit -= charged
        if lot_state(stock, today) == "usable":
            usable += stock.on_hand - charged
    return usable


def first_expiry_first(stocks: Iterable[LotStock]) -> list[LotStock]:
    """First expiry first, no expiry last, then by lot in code point order."""
    return sorted(stocks, key=lambda stock: (stock.expiry or date.max, stock.lot))
