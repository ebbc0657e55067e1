"""What lies on a pharmacy's shelves, as those who work there see it: lots, first expiry first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple


class Taken(NamedTuple):
    item_id: str
    lot: str
    expiry: date | None
    quantity: int


@dataclass(slots=True)
class Lot:
    lot: str
    expiry: date | None
    on_hand: int


class Shelves:
    """Never less than nothing is on a shelf, whatever the book says."""

    def __init__(self) -> None:
        self._good: dict[str, list[Lot]] = {}
        self._expired: dict[str, list[Lot]] = {}

    @classmethod
    def of_stock(cls, stock: Mapping[str, Any]) -> "Shelves":
        """From the answer of `GET /v1/facilities/{facility_id}/stock`."""
        shelves = cls()
        for item in stock["items"]:
            for lot in item["lots"]:
                if lot["lot"] is None or lot["on_hand"] <= 0:
                    continue
                expiry = date.fromisoformat(lot["expiry"]) if lot["expiry"] else None
                side = shelves._good if lot["state"] == "usable" else shelves._expired
                side.setdefault(item["item_id"], []).append(Lot(lot["lot"], expiry, lot["on_hand"]))
        return shelves

    def on_hand(self, item_id: str) -> int:
        return sum(lot.on_hand for lot in self._good.get(item_id, ()))

    def items(self) -> list[str]:
        """Items of which there is something good."""
        return [item_id for item_id in self._good if self.on_hand(item_id)]

    def lots(self, item_id: str) -> Iterator[Lot]:
        """All that a count of the item finds."""
        yield from self._good.get(item_id, ())
        yield from self._expired.get(item_id, ())

    def take(self, item_id: str, quantity: int) -> list[Taken]:
        """Up to `quantity`, first expiry first."""
        taken = []
        for lot in self._good.get(item_id, ()):
            given = min(lot.on_hand, quantity)
            if given:
                lot.on_hand -= given
                quantity -= given
                taken.append(Taken(item_id, lot.lot, lot.expiry, given))
        return taken

    def put(self, taken: Taken) -> None:
        lots = self._good.setdefault(taken.item_id, [])
        for lot in lots:
            if lot.lot == taken.lot:
                lot.on_hand += taken.quantity
                return
        lots.append(Lot(taken.lot, taken.expiry, taken.quantity))
        lots.sort(key=lambda lot: (lot.expiry or date.max, lot.lot))

    def set_counted(self, item_id: str, lot: str, counted: int) -> None:
        for known in self.lots(item_id):
            if known.lot == lot:
                known.on_hand = counted

    def take_expired(self) -> list[Taken]:
        """All of one item that has expired."""
        if not self._expired:
            return []
        item_id, lots = self._expired.popitem()
        return [Taken(item_id, lot.lot, lot.expiry, lot.on_hand) for lot in lots if lot.on_hand]
