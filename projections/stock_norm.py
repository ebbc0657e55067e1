"""What an item's stock means beside what is used of it: status, months of stock, what to order.

Pure functions of the usable stock now and of what the projector keeps of the item
(`projections.figures.rating`: consumption in the norm's window, minimum and maximum).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from math import ceil, sqrt
from typing import Any, Final, Literal, NamedTuple, TypedDict

from projections.consumption_rates import (
    AMC_FORMULA,
    MONTHS_FORMULA,
    daily_consumption,
    monthly_consumption,
    months_of_stock,
)
from projections.figures.rating import LEAST_AVAILABLE_DAYS, SECONDS_A_DAY
from projections.figures.states import EXPIRING_DAYS

_EXPIRING_TIME: Final = timedelta(days=EXPIRING_DAYS)

SERVICE_FACTOR: Final = 1.645
"""z of 95 %: in so many of a hundred lead times the safety stock is enough."""

Status = Literal["out", "low", "ok", "over", "unrated"]

FORMULAS: Final = {
    "usable": "on_hand of the lots that are neither expired nor held nor recalled, and of the "
    "unrecorded lot; a lot below 0 counts as 0 (its book is wrong, not the others'), and what the "
    "unrecorded lot lacks is taken from the others, first expiry first",
    "status": "out: usable is 0; low: below min_quantity; over: above max_quantity; ok: between; "
    "unrated: no norm applies, nothing was used in the window, or the item was available for "
    f"fewer than {LEAST_AVAILABLE_DAYS} days of it",
    "window_days": "the days before today that the norm looks at; today isn't among them",
    "consumed": "dispensed in the window, net of returns; of a store or warehouse also what it "
    "issued and sent on",
    "unmet": "prescribed in the window and not dispensed; it isn't part of consumed",
    "available_days": "days of the window since the item's first entry, without those on which it "
    "was out while the facility wasn't closed",
    "amc": AMC_FORMULA,
    "months_of_stock": MONTHS_FORMULA,
    "days_of_stock": "usable / (consumed / available_days)",
    "min_quantity": "consumed / available_days * (lead time + safety stock), rounded up",
    "max_quantity": "consumed / available_days * (lead time + safety stock + review period), "
    "rounded down",
    "in_transit": "dispatched to the facility by others, nothing of the transfer received yet",
    "reorder_quantity": "max_quantity - usable - in_transit, at least 0, rounded up to whole packs",
    "safety_stock": f"{SERVICE_FACTOR} * sqrt(lead time * s^2), rounded up; s: standard deviation "
    "of a day's consumption on available days; told of one item alone (item_id=)",
    "reorder_point": "consumed / available_days * lead time + safety_stock, rounded up",
    "expiring": f"usable in lots that are good for {EXPIRING_DAYS} days at most",
    "expected_waste": "usable that will expire unused at consumed / available_days a day, lots "
    "used first expiry first",
}


class Rating(NamedTuple):
    """What an item is rated by. `window_days` is None where no norm applies, the quantities where
    it isn't rated; `pack_size` where the catalogue has none; the last four where nobody
    looked. `squares`: the sum of squares of each day's consumption.
    """

    out_since: datetime | None
    window_days: int | None
    consumed: int
    available_seconds: int
    min_quantity: int | None
    max_quantity: int | None
    pack_size: int | None
    in_transit: int | None = None
    unmet: int | None = None
    lead_time_days: int | None = None
    squares: float | None = None

    @classmethod
    def of(cls, out_since: str | None, *figures: Any) -> "Rating":
        return cls(datetime.fromisoformat(out_since) if out_since else None, *figures)


class StockNorm(TypedDict):
    """As `FORMULAS` has them. None is what can't be told: of an item that isn't rated, and of
    several facilities the window.
    """

    min_quantity: int | None
    max_quantity: int | None
    amc: float | None
    months_of_stock: float | None
    days_of_stock: float | None
    window_days: int | None
    consumed: int
    unmet: int | None
    available_days: float | None
    in_transit: int | None
    reorder_quantity: int | None
    safety_stock: int | None
    reorder_point: int | None


def status_of(usable: int, min_quantity: int | None, max_quantity: int | None) -> Status:
    if usable <= 0:
        return "out"
    if min_quantity is None or max_quantity is None:
        return "unrated"
    if usable < min_quantity:
        return "low"
    return "over" if usable > max_quantity else "ok"


def stock_norm(usable: int, rating: Rating) -> StockNorm | None:
    """None where no norm applies."""
    if rating.window_days is None:
        return None
    days = rating.available_seconds / SECONDS_A_DAY
    per_day = daily_consumption(rating.consumed, rating.available_seconds)
    kept = rating.min_quantity, rating.max_quantity
    norm = _norm(
        usable,
        per_day,
        kept,
        consumed=rating.consumed,
        pack_size=rating.pack_size,
        in_transit=rating.in_transit,
    )
    norm["window_days"] = rating.window_days
    norm["available_days"] = round(days, 1)
    norm["unmet"] = rating.unmet
    deviation = daily_deviation(rating)
    if per_day is not None and deviation is not None and rating.lead_time_days is not None:
        safety = safety_stock(per_day, deviation, rating.lead_time_days)
        norm["safety_stock"] = ceil(safety)
        norm["reorder_point"] = ceil(per_day * rating.lead_time_days + safety)
    return norm


def summed_norm(usable: int, ratings: Sequence[Rating], in_transit: int) -> StockNorm | None:
    """Of one item at several facilities that are rated: what they all should have and all use.
    Their windows may differ. `in_transit` is to any of them, rated or not.
    """
    if not ratings:
        return None
    return _norm(
        usable,
        sum(rating.consumed * SECONDS_A_DAY / rating.available_seconds for rating in ratings),
        (
            sum(rating.min_quantity or 0 for rating in ratings),
            sum(rating.max_quantity or 0 for rating in ratings),
        ),
        consumed=sum(rating.consumed for rating in ratings),
        pack_size=ratings[0].pack_size,
        in_transit=in_transit,
    )


def _norm(
    usable: int,
    per_day: float | None,
    kept: tuple[int | None, int | None],
    *,
    consumed: int,
    pack_size: int | None,
    in_transit: int | None,
) -> StockNorm:
    min_quantity, max_quantity = kept
    return {
        "min_quantity": min_quantity,
        "max_quantity": max_quantity,
        "amc": monthly_consumption(per_day),
        "months_of_stock": months_of_stock(usable, per_day),
        "days_of_stock": round(usable / per_day, 1) if per_day else None,
        "window_days": None,
        "consumed": consumed,
        "unmet": None,
        "available_days": None,
        "in_transit": in_transit,
        "reorder_quantity": reorder_quantity(usable + (in_transit or 0), max_quantity, pack_size),
        "safety_stock": None,
        "reorder_point": None,
    }


def reorder_quantity(coming: int, max_quantity: int | None, pack_size: int | None) -> int | None:
    """Up to the maximum, in whole packs. `coming`: what is usable, and what is on its way."""
    if max_quantity is None:
        return None
    pack = pack_size or 1
    return max(0, -((coming - max_quantity) // pack) * pack)


def safety_stock(
    per_day: float, deviation: float, lead_time_days: float, lead_time_deviation: float = 0.0
) -> float:
    """Against both a demand and a lead time that vary (Peter L. King, *Crack the Code:
    Understanding safety stock and mastering its equations*, APICS Magazine, 2011).

    Nobody records orders, so how a lead time varies isn't known: by default it doesn't.
    """
    variance = lead_time_days * deviation**2 + per_day**2 * lead_time_deviation**2
    return SERVICE_FACTOR * sqrt(variance)


def daily_deviation(rating: Rating) -> float | None:
    """The sample's standard deviation of what is used in a day, over the days on which it was
    available. None: not rated, or nobody looked.
    """
    if rating.squares is None or rating.min_quantity is None:
        return None
    days = rating.available_seconds / SECONDS_A_DAY
    return sqrt(max(0.0, (rating.squares - rating.consumed**2 / days) / (days - 1)))


def expiring_quantity(lots: Iterable[tuple[date | None, int]], today: date) -> int:
    """Of `projections.usable.usable_lots`, what is good for 90 days at most."""
    return sum(
        [
            quantity
            for expiry, quantity in lots
            if expiry is not None and expiry - today <= _EXPIRING_TIME
        ]
    )


def expected_waste(
    lots: Iterable[tuple[date | None, int]], today: date, consumed: int, available_seconds: int
) -> int:
    """Of `usable_lots`, what expires before anybody needs it, if `consumed` in `available_seconds`
    goes on. A lot is used from when those before it are used up or expired, through its expiry day.
    """
    used = waste = 0
    dated = [(expiry, quantity) for expiry, quantity in lots if expiry is not None]
    for expiry, quantity in sorted(dated):
        days = (expiry - today).days + 1
        needed = consumed * days * SECONDS_A_DAY // available_seconds - used
        given = min(quantity, max(0, needed))
        used += given
        waste += quantity - given
    return waste
