"""Making events as a pharmacy's own program would."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from infra.demo.medicines import Habit
from infra.demo.shelves import Shelves, Taken
from infra.demo.state import Facility

Event = dict[str, Any]


@dataclass
class Pharmacy:
    """`given`: what was handed out lately, so that some of it may come back."""

    facility: Facility
    shelves: Shelves
    habits: tuple[Habit, ...]
    given: "deque[tuple[str, list[Taken]]]" = field(default_factory=lambda: deque(maxlen=20))

    @property
    def facility_id(self) -> str:
        return self.facility.facility_id


def fact(kind: str, pharmacy: Pharmacy, now: datetime, rng: Random, **fields: Any) -> Event:
    return {
        "event_id": event_id(now, rng),
        "type": kind,
        "facility_id": pharmacy.facility_id,
        "occurred_at": now.isoformat(),
        **fields,
    }


def event_id(now: datetime, rng: Random) -> str:
    """A UUID of version 7: it begins with the time."""
    milliseconds = int(now.timestamp() * 1000)
    number = milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64
    return str(UUID(int=number | 0b10 << 62 | rng.getrandbits(62)))


def lot_lines(taken: Iterable[Taken], *, expiry: bool = False) -> list[dict[str, Any]]:
    """A line for each lot; with `expiry` where the event takes one."""
    return [
        {"item_id": each.item_id, "lot": each.lot, "quantity": each.quantity}
        | ({"expiry": each.expiry.isoformat()} if expiry and each.expiry else {})
        for each in taken
    ]
