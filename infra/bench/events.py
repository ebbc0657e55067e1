"""Events as a state's pharmacies would post them: the same ones for the same seed."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
STEP: Final = timedelta(milliseconds=100)
LATE_BY: Final = timedelta(days=2)
RECENT: Final = 10_000
"""A reversal is of one of so many events before it."""

PLENTY: Final = 1_000_000
SCARCE: Final = 10


@dataclass(frozen=True, kw_only=True)
class Mix:
    """`late`, `counts`, `reversals` and `used_up` are percentages; the rest are dispenses, in
    order. `used_up` are those that take all that `opening_counts` counted of a scarce item, each at
    another facility or of another item, from the `first_used_up`th pair on.
    """

    events: int
    facilities: int = 3_000
    items: int = 300
    lots: int = 3
    lines: int = 3
    late: float = 0.0
    counts: float = 0.0
    reversals: float = 0.0
    seed: int = 1
    used_up: float = 0.0
    first_used_up: int = 0


def facility_ids(mix: Mix) -> list[str]:
    return [f"F{number:05d}" for number in range(mix.facilities)]


def item_ids(mix: Mix) -> list[str]:
    return [f"I{number:04d}" for number in range(mix.items)]


def scarce_ids(mix: Mix) -> list[str]:
    return [f"S{number:04d}" for number in range(mix.items)]


def opening_counts(mix: Mix) -> Iterator[dict[str, Any]]:
    """A complete count at each facility: plenty of its items, and as many scarce ones."""
    dice = random.Random(mix.seed)
    counted = [(item_id, PLENTY) for item_id in item_ids(mix)]
    counted += [(item_id, SCARCE) for item_id in scarce_ids(mix)]
    for facility_id in facility_ids(mix):
        yield {
            "event_id": str(UUID(int=dice.getrandbits(128), version=4)),
            "facility_id": facility_id,
            "occurred_at": START.isoformat(),
            "type": "stock_counted",
            "complete": True,
            "lines": [
                {"item_id": item_id, "lot": "L0", "counted": quantity, "expiry": "2036-01"}
                for item_id, quantity in counted
            ],
        }


def uses_up(event: dict[str, Any]) -> tuple[str, str] | None:
    """(facility_id, item_id), if it takes all that was counted of a scarce item."""
    item_id: str = event["lines"][0]["item_id"] if "lines" in event else ""
    return (event["facility_id"], item_id) if item_id.startswith("S") else None


def generate(mix: Mix) -> Iterator[dict[str, Any]]:
    """`mix.events` events, each as its sender would post it, a tenth of a second apart."""
    maker = EventMaker(mix)
    for number in range(mix.events):
        yield maker.make(START + number * STEP)


class EventMaker:
    """Makes one event after the other."""

    def __init__(self, mix: Mix) -> None:
        self._mix = mix
        self._random = random.Random(mix.seed)
        self._facilities, self._items = facility_ids(mix), item_ids(mix)
        self._recent: deque[tuple[str, str]] = deque(maxlen=RECENT)
        self._scarce = scarce_ids(mix)
        self._used_up = mix.first_used_up

    def make(self, now: datetime) -> dict[str, Any]:
        """An event that happened at `now`, or up to two days before if it comes late."""
        chance, mix = self._random.random() * 100, self._mix
        if chance < mix.reversals and self._recent:
            return self._reverse(now)
        if chance < mix.reversals + mix.used_up:
            return self._use_up(now)
        event = self._head(self._random.choice(self._facilities), now)
        self._recent.append((event["facility_id"], event["event_id"]))
        if chance < mix.reversals + mix.used_up + mix.counts:
            lines = {(line["item_id"], line["lot"]): line for line in self._lines("counted")}
            return event | {"type": "stock_counted", "lines": list(lines.values())}
        return event | {
            "type": "medicine_dispensed",
            "channel": "opd",
            "lines": self._lines("quantity"),
        }

    def _head(self, facility_id: str, now: datetime) -> dict[str, Any]:
        if self._mix.late and self._random.random() * 100 < self._mix.late:
            now -= LATE_BY * self._random.random()
        return {
            "event_id": str(UUID(int=self._random.getrandbits(128), version=4)),
            "facility_id": facility_id,
            "occurred_at": now.isoformat(),
        }

    def _lines(self, amount: str) -> list[dict[str, Any]]:
        choose, below = self._random.choice, self._random.randrange
        return [
            {
                "item_id": choose(self._items),
                "lot": f"L{below(self._mix.lots)}",
                amount: 1 + below(30),
            }
            for _ in range(self._mix.lines)
        ]

    def _use_up(self, now: datetime) -> dict[str, Any]:
        item_number, place = divmod(self._used_up, len(self._facilities))
        self._used_up += 1
        line = {"item_id": self._scarce[item_number], "lot": "L0", "quantity": SCARCE}
        return self._head(self._facilities[place], now) | {
            "type": "medicine_dispensed",
            "channel": "opd",
            "lines": [line],
        }

    def _reverse(self, now: datetime) -> dict[str, Any]:
        facility_id, event_id = self._random.choice(self._recent)
        return self._head(facility_id, now) | {
            "type": "event_reversed",
            "reverses": event_id,
            "reason": "entered twice",
        }
