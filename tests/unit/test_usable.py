"""Usable stock against the words of the definition, taken one by one."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from projections.usable import LotStock, first_expiry_first, lot_state, usable_quantity

TODAY = date(2026, 3, 31)

recorded_lots = st.builds(
    LotStock,
    lot=st.text(st.sampled_from("AB12é"), min_size=1, max_size=3),
    expiry=st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days)),
    on_hand=st.integers(-20, 20),
    held=st.booleans(),
    recalled=st.booleans(),
)
unrecorded_lots = st.builds(
    LotStock, lot=st.just(""), expiry=st.none(), on_hand=st.integers(-60, 30)
)
items = st.tuples(
    st.lists(recorded_lots, max_size=6, unique_by=lambda stock: stock.lot),
    st.lists(unrecorded_lots, max_size=1),
).map(lambda parts: [*parts[0], *parts[1]])


def usable_naively(stocks: list[LotStock], today: date) -> int:
    """Give out the unrecorded deficit one unit at a time."""
    left = {stock.lot: stock.on_hand for stock in stocks}
    while left.get("", 0) < 0:
        with_stock = [stock for stock in stocks if stock.lot and left[stock.lot] > 0]
        if not with_stock:
            break
        dated = [stock for stock in with_stock if stock.expiry is not None]
        first = min(dated or with_stock, key=lambda stock: (stock.expiry or date.min, stock.lot))
        left[first.lot] -= 1
        left[""] += 1
    usable = max(0, left.get("", 0))
    for stock in stocks:
        is_expired = stock.expiry is not None and today > stock.expiry
        if stock.lot and not (is_expired or stock.held or stock.recalled):
            usable += max(0, left[stock.lot])
    return usable


@given(items)
def test_agrees_with_a_naive_restatement(stocks: list[LotStock]) -> None:
    assert usable_quantity(stocks, TODAY) == usable_naively(stocks, TODAY)


@given(items)
def test_is_never_negative_and_never_more_than_what_the_cards_hold(stocks: list[LotStock]) -> None:
    usable = usable_quantity(stocks, TODAY)
    assert 0 <= usable <= sum(max(0, stock.on_hand) for stock in stocks)


@given(items)
def test_does_not_depend_on_the_order_of_the_cards(stocks: list[LotStock]) -> None:
    assert usable_quantity(stocks[::-1], TODAY) == usable_quantity(stocks, TODAY)


def test_a_lot_is_usable_through_its_expiry_day() -> None:
    lot = LotStock("A1", TODAY, 10)
    assert usable_quantity([lot], TODAY) == 10
    assert usable_quantity([lot], TODAY + timedelta(days=1)) == 0


def test_a_deficit_is_charged_to_expired_lots_first() -> None:
    expired = LotStock("OLD", TODAY - timedelta(days=1), 5)
    good = LotStock("NEW", TODAY, 10)
    assert usable_quantity([good, expired, LotStock("", None, -7)], TODAY) == 8


def test_lots_without_expiry_are_charged_last() -> None:
    dated, undated = LotStock("Z", TODAY, 1), LotStock("A", None, 1)
    assert first_expiry_first([undated, dated]) == [dated, undated]


def test_state_by_precedence() -> None:
    yesterday = TODAY - timedelta(days=1)
    assert lot_state(LotStock("A", yesterday, 1, held=True, recalled=True), TODAY) == "recalled"
    assert lot_state(LotStock("A", yesterday, 1, held=True), TODAY) == "held"
    assert lot_state(LotStock("A", yesterday, 1), TODAY) == "expired"
    assert lot_state(LotStock("A", TODAY, 1), TODAY) == "usable"
    assert lot_state(LotStock("", yesterday, 1), TODAY) == "usable"
