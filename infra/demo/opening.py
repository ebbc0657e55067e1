"""The first count of each facility: every item of every shelf, lot by lot."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from infra.demo.medicines import Habit, Medicine
from infra.demo.state import Facility, State
from stream.fields import MAX_LINES

NAMESPACE: Final = UUID("6f0d5b7e-6f3e-4c8e-9a51-0d2f8c1b7a44")
LINES_A_PATIENT: Final = 2.1

# Of a level's items: how many are out, and how large a facility is beside a PHC.
OUT_SHARE: Final = {
    "PHC": 0.10,
    "CHC": 0.08,
    "SDH": 0.07,
    "DH": 0.05,
    "STORE": 0.04,
    "COUNTER": 0.05,
    "WAREHOUSE": 0.03,
}
SIZE: Final = {"PHC": 1, "CHC": 3, "SDH": 5, "DH": 8, "STORE": 30, "COUNTER": 2, "WAREHOUSE": 90}

# What a PHC keeps of a medicine that its OPD doesn't prescribe, in base units.
KEPT: Final = {
    "tablet": (50, 600),
    "capsule": (50, 500),
    "ml": (500, 3000),
    "g": (100, 1000),
    "dose": (20, 150),
    "sachet": (30, 200),
}
KEPT_ELSE: Final = (5, 60)


def stocked_medicines(
    facility: Facility, state: State, habits: Sequence[Habit]
) -> Sequence[Medicine]:
    """A store keeps everything, a counter what the OPD prescribes, others their level's list."""
    match facility.level:
        case "STORE" | "WAREHOUSE":
            return state.medicines
        case "COUNTER":
            prescribed = {habit.item_id for habit in habits}
            return [each for each in state.medicines if each.item_id in prescribed]
        case level:
            return [each for each in state.medicines if level in each.levels]


def patients_served(facility: Facility, state: State) -> int:
    """Those of the facilities that it supplies, too."""
    supplied = (each for each in state.facilities if each.supplier_id == facility.facility_id)
    return facility.patients_a_day + sum(patients_served(each, state) for each in supplied)


def opening_counts(
    facility: Facility, state: State, habits: Sequence[Habit], *, at: datetime
) -> list[dict[str, Any]]:
    """Complete counts, at most 200 lines each. The same ids each time, and on one day the same
    lines."""
    shelf = _Shelf(facility, state, habits, at.date())
    pages: list[list[dict[str, Any]]] = [[]]
    for medicine in stocked_medicines(facility, state, habits):
        lines = shelf.count(medicine)
        if len(pages[-1]) + len(lines) > MAX_LINES:
            pages.append([])
        pages[-1] += lines  # all lots of an item in one count: it is complete
    return [
        {
            "event_id": opening_id(facility.facility_id, number),
            "type": "stock_counted",
            "facility_id": facility.facility_id,
            "occurred_at": at.isoformat(),
            "complete": True,
            "lines": lines,
        }
        for number, lines in enumerate(pages)
    ]


def opening_id(facility_id: str, number: int) -> str:
    return str(uuid5(NAMESPACE, f"{facility_id}/{number}"))


class _Shelf:
    def __init__(
        self, facility: Facility, state: State, habits: Sequence[Habit], today: date
    ) -> None:
        self._rng = Random(f"opening of {facility.facility_id}")
        self._today = today
        self._out_share = OUT_SHARE[facility.level]
        self._size = SIZE[facility.level]
        lines_a_day = patients_served(facility, state) * LINES_A_PATIENT
        total = sum(habit.weight for habit in habits)
        self._a_day = {
            habit.item_id: lines_a_day * habit.weight / total * habit.mean_quantity
            for habit in habits
        }

    def count(self, medicine: Medicine) -> list[dict[str, Any]]:
        rng = self._rng
        if rng.random() < self._out_share:
            if rng.random() < 0.7:
                return [{"item_id": medicine.item_id, "counted": 0}]
            return [self._lot(medicine, rng.randint(-8, -1), rng.randint(1, 40))]
        quantity = self._quantity(medicine)
        months = 1 if rng.random() < 0.08 else rng.randint(3, 24)
        if rng.random() < 0.7 or quantity < 2:
            lines = [self._lot(medicine, months, quantity)]
        else:
            first = max(1, int(quantity * rng.uniform(0.1, 0.5)))
            lines = [
                self._lot(medicine, months, first),
                self._lot(medicine, months + rng.randint(2, 9), quantity - first),
            ]
        if rng.random() < 0.03:
            lines.append(self._lot(medicine, rng.randint(-6, -1), rng.randint(1, 20)))
        return lines

    def _quantity(self, medicine: Medicine) -> int:
        """Days of what is prescribed, for some items only hours: those run out before our eyes."""
        rng = self._rng
        a_day = self._a_day.get(medicine.item_id)
        if a_day is None:
            return rng.randint(*KEPT.get(medicine.base_unit, KEPT_ELSE)) * self._size
        shortest, longest = rng.choices(((0.02, 0.4), (2, 8), (8, 60)), weights=(12, 25, 63))[0]
        return max(3, int(a_day * rng.uniform(shortest, longest)))

    def _lot(self, medicine: Medicine, months: int, counted: int) -> dict[str, Any]:
        return {
            "item_id": medicine.item_id,
            "lot": new_lot(self._rng),
            "expiry": month_end(self._today, months).isoformat(),
            "counted": counted,
        }


def new_lot(rng: Random) -> str:
    letters = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=2))
    return f"{letters}{rng.randint(0, 99999):05}"


def month_end(today: date, months: int) -> date:
    """The last day of the month so many months from now, as expiry is printed."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, monthrange(year, month + 1)[1])
