"""An item's stock as answers tell it."""

from datetime import date
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from projections.queries.stock import ItemStock
from projections.stock_norm import (
    Rating,
    expected_waste,
    expiring_quantity,
    status_of,
    stock_norm,
)
from projections.usable import LotStock, lot_state, usable_lots

INDIA: Final = "Asia/Kolkata"
NOT_RATED: Final = Rating(None, None, 0, 0, None, None, None)


def describe_item(item: ItemStock, today: date) -> dict[str, Any]:
    good = usable_lots(item.lots, today)
    usable = sum(quantity for _, quantity in good)
    rating = item.rating or NOT_RATED
    is_rated = rating.min_quantity is not None
    return {
        "item_id": item.item_id,
        "name": item.name,
        "on_hand": item.on_hand,
        "usable": usable,
        "status": status_of(usable, rating.min_quantity, rating.max_quantity),
        "out_since": rating.out_since if usable <= 0 else None,
        "essential": item.essential,
        "norm": stock_norm(usable, rating),
        "expiring": expiring_quantity(good, today),
        "expected_waste": expected_waste(good, today, rating.consumed, rating.available_seconds)
        if is_rated
        else None,
        "lots": [_lot(lot, today) for lot in item.lots],
    }


def _lot(lot: LotStock, today: date) -> dict[str, Any]:
    return {
        "lot": lot.lot or None,
        "expiry": lot.expiry,
        "on_hand": lot.on_hand,
        "state": lot_state(lot, today),
    }


@lru_cache(maxsize=1000)
def zone(name: str | None) -> ZoneInfo:
    """India's where the facility has none, or one that this machine doesn't know."""
    try:
        return ZoneInfo(name or INDIA)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(INDIA)
