"""Status, months of stock, what to order and what will be wasted, against figures from paper.

Broken on purpose once, to see these tests fail: waste counted without the lots before; packs
rounded down; the day of expiry left out.
"""

from datetime import date, timedelta

import pytest

from projections.stock_norm import (
    Rating,
    daily_deviation,
    expected_waste,
    expiring_quantity,
    reorder_quantity,
    safety_stock,
    status_of,
    stock_norm,
)

DAY = 86_400
TODAY = date(2026, 3, 1)


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("usable", "status"),
    [(0, "out"), (99, "low"), (100, "ok"), (250, "ok"), (251, "over")],
)
def test_status_is_by_minimum_and_maximum(usable: int, status: str) -> None:
    assert status_of(usable, 100, 250) == status


def test_without_a_norm_it_is_out_or_unrated() -> None:
    assert [status_of(usable, None, None) for usable in (-1, 0, 1)] == ["out", "out", "unrated"]


def test_months_and_days_of_stock() -> None:
    # 300 tablets in 20 days are 15 a day, 457.5 a month of 30.5 days.
    assert stock_norm(900, Rating(None, 30, 300, 20 * DAY, 450, 1500, 100)) == {
        "min_quantity": 450,
        "max_quantity": 1500,
        "amc": 457.5,
        "months_of_stock": 1.97,
        "days_of_stock": 60.0,
        "window_days": 30,
        "consumed": 300,
        "unmet": None,
        "available_days": 20.0,
        "in_transit": None,
        "reorder_quantity": 600,
        "safety_stock": None,
        "reorder_point": None,
    }


def test_consumption_adjusted_for_stock_outs() -> None:
    """Management Sciences for Health, *Managing Drug Supply*: total / (months - days out / 30.5).
    600 in 6 months of which it was out for 61 days: 600 / (6 - 2) = 150 a month.
    """
    available = (6 * 30.5 - 61) * DAY
    rating = Rating(None, 183, 600, int(available), 1, 2, None)
    norm = stock_norm(375, rating)
    assert norm is not None
    assert norm["amc"] == 150.0
    # USAID DELIVER, *The Logistics Handbook*: months of stock = stock on hand / AMC
    assert norm["months_of_stock"] == 2.5


def test_order_up_to_the_maximum() -> None:
    """USAID DELIVER, *The Logistics Handbook*, forced ordering: maximum - stock on hand - on
    order. Of 150 a month and a maximum of 3 months, 375 there and 20 on their way: 450 - 395 = 55.
    """
    norm = stock_norm(375, Rating(None, 183, 600, 122 * DAY, 225, 450, None, 20))
    assert norm is not None
    assert norm["reorder_quantity"] == 55


def test_safety_stock_and_reorder_point() -> None:
    """Peter L. King, *Crack the Code* (APICS Magazine, 2011): z * sqrt(LT * sd^2 + d^2 * sLT^2), by
    hand: 10 a day, deviation 3, lead time 16 days, deviation 2: sqrt(16 * 9 + 100 * 4) = 23.32.
    """
    assert safety_stock(10, 3, 16, 2) == pytest.approx(1.645 * 23.3238, abs=1e-3)
    assert safety_stock(10, 3, 16) == pytest.approx(1.645 * 12)
    # 20 on 10 days, none on 10 others: 10 a day; sum of squares 4,000, less 20 * 100, by 19: 105.26
    rating = Rating(None, 30, 200, 20 * DAY, 1, 2, None, 0, 0, 16, 4000.0)
    assert daily_deviation(rating) == pytest.approx(10.2598, abs=1e-4)
    norm = stock_norm(0, rating)
    assert norm is not None
    # 1.645 * 4 * 10.2598 = 67.51
    assert (norm["safety_stock"], norm["reorder_point"]) == (68, 228)


@pytest.mark.parametrize(("consumed", "available_days", "amc"), [(300, 6, None), (0, 20, 0)])
def test_of_an_item_that_is_not_rated_less_is_told(
    consumed: int, available_days: int, amc: float | None
) -> None:
    norm = stock_norm(900, Rating(None, 30, consumed, available_days * DAY, None, None, 100))
    assert norm is not None
    assert norm["amc"] == amc
    assert norm["months_of_stock"] is norm["days_of_stock"] is norm["reorder_quantity"] is None
    assert norm["consumed"] == consumed


def test_without_a_norm_nothing_is_told() -> None:
    assert stock_norm(900, Rating(None, None, 0, 0, None, None, 100)) is None


@pytest.mark.parametrize(
    ("usable", "pack_size", "order"),
    [
        (0, 100, 1500),
        (1, 100, 1500),
        (900, 400, 800),
        (1499, None, 1),
        (1500, 10, 0),
        (9000, 10, 0),
    ],
)
def test_an_order_is_in_whole_packs(usable: int, pack_size: int | None, order: int) -> None:
    assert reorder_quantity(usable, 1500, pack_size) == order


def test_expiring_is_what_is_good_for_90_days_at_most() -> None:
    lots = [(in_days(0), 1), (in_days(90), 2), (in_days(91), 4), (None, 8)]
    assert expiring_quantity(lots, TODAY) == 3


def waste(*lots: tuple[date | None, int]) -> int:
    """At 10 a day."""
    return expected_waste(lots, TODAY, 300, 30 * DAY)


def test_a_lot_is_used_through_its_last_day() -> None:
    assert waste((in_days(0), 10)) == 0
    assert waste((in_days(0), 11)) == 1
    assert waste((in_days(9), 130)) == 30


def test_lots_without_expiry_are_never_wasted() -> None:
    assert waste((None, 1_000_000)) == 0
    # and are used last
    assert waste((None, 1_000_000), (in_days(9), 100)) == 0


def test_a_lot_waits_for_those_before_it() -> None:
    # 80 of the first take 8 days; of the second's 12 days 4 are left: 40 used, 20 wasted.
    assert waste((in_days(11), 60), (in_days(9), 80)) == 20


def test_what_expired_is_no_longer_waited_for() -> None:
    # Of the first 50 are used in 5 days and 950 wasted; the second has days 6 to 10: 50 of 70.
    assert waste((in_days(4), 1000), (in_days(9), 70)) == 950 + 20


def test_a_rate_below_one_a_day() -> None:
    # 3 in 20 days: in the 10 days through the lot's last one and a half, so one.
    assert expected_waste([(in_days(9), 5)], TODAY, 3, 20 * DAY) == 4
