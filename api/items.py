"""An item's stock as answers tell it."""

from datetime import date
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from projections.queries.stock import ItemStock
from projections.usable import LotStock, lot_state, usable_quantity

INDIA: Final = "Asia/Kolkata"


def describe_item(item: ItemStock, today: date) -> dict[str, Any]:
    usable = usable_quantity(item.lots, today)
    return {
        "item_id": item.item_id,
        "name": item.name,
        "on_hand": item.on_hand,
        "usable": usable,
        # norms, and with them low, ok and over, are not known yet
        "status": "out" if usable <= 0 else "unrated",
        "essential": item.essential,
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
