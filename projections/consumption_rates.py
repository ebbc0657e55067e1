"""How fast an item is used: the one place that says so, whatever the screen.

Consumption adjusted for stock-outs (Management Sciences for Health, *Managing Drug Supply*,
consumption-based quantification): what was used, over the days on which it could be had.
"""

from typing import Final

from projections.figures.rating import DAYS_A_MONTH, LEAST_AVAILABLE_DAYS, SECONDS_A_DAY

AMC_FORMULA: Final = f"average monthly consumption: consumed / available_days * {DAYS_A_MONTH}"
MONTHS_FORMULA: Final = "usable / amc"


def daily_consumption(consumed: int, available_seconds: int) -> float | None:
    """Base units a day. None: it was available for too short a time to say."""
    if available_seconds < LEAST_AVAILABLE_DAYS * SECONDS_A_DAY:
        return None
    return max(0, consumed) * SECONDS_A_DAY / available_seconds


def monthly_consumption(per_day: float | None) -> float | None:
    """AMC, base units."""
    return None if per_day is None else round(per_day * DAYS_A_MONTH, 1)


def months_of_stock(usable: int, per_day: float | None) -> float | None:
    """MoS. None: nothing is used, or nobody knows how much."""
    return round(usable / (per_day * DAYS_A_MONTH), 2) if per_day else None
