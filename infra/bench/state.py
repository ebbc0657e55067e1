"""A generated state: facilities of all levels with the items that they should have.

Each item of a facility has one line of a complete count and one of a dispense. How much of it there
is beside what was used makes most of them `ok`, some `out`, `low` or `over`, and a few unrated; a
few facilities have never been heard of.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from infra.bench.events import Mix, facility_ids, item_ids
from infra.bench.preload import chunks
from stream.fields import MAX_LINES

STATE: Final = "Rajasthan"
DISTRICTS: Final = 41
LEVELS: Final = {"WAREHOUSE": 40, "DH": 35, "SDH": 165, "CHC": 660, "PHC": 2_600, "SC": 14_000}
"""Of so many facilities; a smaller state has as many parts of each."""

USUAL_FACILITIES: Final = sum(LEVELS.values())

COUNTED_BEFORE: Final = timedelta(days=20)
LINES: Final = 10
"""Of a dispense."""

LOT: Final = "L0"
"""As whoever posts on with `mix` names it."""

NOT_STARTED: Final = 0.03
NORM: Final = {"lead_time_days": 14, "safety_days": 14, "review_days": 30, "window_days": 90}
SHARES: Final = {"out": 0.06, "low": 0.14, "ok": 0.64, "over": 0.12, "unrated": 0.04}
DAYS_LEFT: Final = {"out": 0, "low": 14, "ok": 45, "over": 90, "unrated": 45}
"""What is left, in days of use: the norm is from 28 to 58."""


Line: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class GeneratedState:
    """The same one for the same numbers; `mix` is for whoever posts on."""

    facilities: int
    items: int

    @property
    def mix(self) -> Mix:
        return Mix(events=0, facilities=self.facilities, items=self.items, lots=1)

    @property
    def districts(self) -> list[str]:
        return [f"D{number:02d}" for number in range(min(DISTRICTS, self.facilities))]

    def records(self) -> Iterator[dict[str, Any]]:
        """Reference records; the items are on the essential list of all levels."""
        dice = random.Random(self.facilities)
        centres = [(dice.uniform(24, 29.5), dice.uniform(70.5, 77)) for _ in self.districts]
        for district_id in self.districts:
            name = f"District {district_id}"
            yield {"kind": "district", "district_id": district_id, "name": name, "state": STATE}
        for number, item_id in enumerate(item_ids(self.mix)):
            yield {
                "kind": "item",
                "item_id": item_id,
                "name": f"Tablet {item_id}",
                "base_unit": "tablet",
                "ved": "VED"[number % 3],
                "levels": list(LEVELS),
                "unit_cost_paise": dice.randint(20, 2_000),
            }
        yield {"kind": "norm", "norm_id": "EVERYWHERE", **NORM}
        for number, facility_id in enumerate(facility_ids(self.mix)):
            level, of = self._level(number), number % len(self.districts)
            lat, lon = (each + dice.uniform(-0.6, 0.6) for each in centres[of])
            yield {
                "kind": "facility",
                "facility_id": facility_id,
                "name": f"{level} {facility_id}",
                "level": level,
                "district_id": self.districts[of],
                "state": STATE,
                "location": {"lat": round(lat, 4), "lon": round(lon, 4)},
            }

    def _level(self, number: int) -> str:
        place = number * USUAL_FACILITIES // self.facilities
        for level, count in LEVELS.items():
            if place < count:
                return level
            place -= count
        raise AssertionError(number)

    def events(self, *, until: datetime) -> Iterator[dict[str, Any]]:
        """Facility by facility, as its pharmacist would have posted them."""
        for facility_id in self.started:
            dice = random.Random(f"history of {facility_id}")
            shelf = [_item(item_id, dice, until) for item_id in item_ids(self.mix)]
            counted = [line for line, _ in shelf]
            for lines in chunks(counted, MAX_LINES):
                head = _head(facility_id, dice, until - COUNTED_BEFORE)
                yield head | {"type": "stock_counted", "complete": True, "lines": lines}
            for lines in chunks([line for _, line in shelf], LINES):
                ago = timedelta(minutes=dice.randint(1_440, 7 * 1_440))
                yield _dispense(_head(facility_id, dice, until - ago), lines)

    def signs_of_life(self, *, until: datetime) -> Iterator[dict[str, Any]]:
        """A prescription at each facility, so that none is silent on a later day."""
        dice = random.Random(until.isoformat())
        item_id, *_ = item_ids(self.mix)
        line = {"item_id": item_id, "lot": LOT, "prescribed": 1, "quantity": 1}
        for facility_id in self.started:
            yield _dispense(_head(facility_id, dice, until), [line])

    @property
    def started(self) -> list[str]:
        return [
            facility_id
            for facility_id in facility_ids(self.mix)
            if random.Random(f"start of {facility_id}").random() >= NOT_STARTED
        ]


def _item(item_id: str, dice: random.Random, until: datetime) -> tuple[Line, Line]:
    """What is counted, and what is dispensed of it."""
    (status,) = dice.choices(list(SHARES), list(SHARES.values()))
    used = dice.randint(20, 400)
    given = 0 if status == "unrated" else used
    left = used * DAYS_LEFT[status] // COUNTED_BEFORE.days
    named = {"item_id": item_id, "lot": LOT}
    expiry = f"{until.year + 1}-{dice.randint(1, 12):02d}"
    return (
        named | {"expiry": expiry, "counted": given + left},
        named | {"prescribed": used, "quantity": given},
    )


def _head(facility_id: str, dice: random.Random, at: datetime) -> dict[str, Any]:
    return {
        "event_id": str(UUID(int=dice.getrandbits(128), version=4)),
        "facility_id": facility_id,
        "occurred_at": at.isoformat(),
    }


def _dispense(head: dict[str, Any], lines: list[Line]) -> dict[str, Any]:
    return head | {"type": "medicine_dispensed", "channel": "opd", "lines": lines}
