"""The first count of each facility: every item of every shelf, lot by lot."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from infra.demo.medicines import Habit, Medicine
from infra.demo.state import REVIEW_DAYS, Facility, State

NAMESPACE: Final = UUID("6f0d5b7e-6f3e-4c8e-9a51-0d2f8c1b7a44")
LINES_A_PATIENT: Final = 2.1
LINES_A_COUNT: Final = 100
"""A rack of shelves: with a count each, more of a facility's first records are of today than of
the weeks before, and nobody is late on the first day."""

# How much there is of what an OPD prescribes, beside what the norm has it keep, and how often. What
# is left for hours runs out before our eyes.
KEPT_SHARES: Final = {
    "enough": 80.0,
    "too much": 16.0,
    "too little": 2.5,
    "hours": 1.0,
    "none": 0.5,
}
HOURS_IN_DAYS: Final = (0.02, 0.4)

# Of all else: how many are out, and how large a facility is beside a PHC.
OUT_SHARE: Final = 0.0001
SIZE: Final = {"PHC": 1, "CHC": 3, "SDH": 5, "DH": 8, "STORE": 30, "COUNTER": 2, "WAREHOUSE": 90}

NEAR_EXPIRY_SHARE: Final = 0.01
EXPIRED_SHARE: Final = 0.0004

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


def used_a_day(facility: Facility, state: State, habits: Sequence[Habit]) -> dict[str, float]:
    """By item, of what is prescribed, in base units."""
    lines = _patients_served(facility, state) * LINES_A_PATIENT
    total = sum(habit.weight for habit in habits)
    return {habit.item_id: lines * habit.weight / total * habit.mean_quantity for habit in habits}


def _patients_served(facility: Facility, state: State) -> int:
    """Those of the facilities that it supplies, too."""
    supplied = (each for each in state.facilities if each.supplier_id == facility.facility_id)
    return facility.patients_a_day + sum(_patients_served(each, state) for each in supplied)


def opening_counts(
    facility: Facility, state: State, habits: Sequence[Habit], *, at: datetime
) -> list[dict[str, Any]]:
    """Complete counts. The same ids each time, and on one day the same lines."""
    shelf = _Shelf(facility, state, habits, at.date())
    pages: list[list[dict[str, Any]]] = [[]]
    for medicine in stocked_medicines(facility, state, habits):
        lines = shelf.count(medicine)
        if len(pages[-1]) + len(lines) > LINES_A_COUNT:
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


def opening_id(facility_id: str, what: object) -> str:
    return str(uuid5(NAMESPACE, f"{facility_id}/{what}"))


class _Shelf:
    def __init__(
        self, facility: Facility, state: State, habits: Sequence[Habit], today: date
    ) -> None:
        self._rng = Random(f"opening of {facility.facility_id}")
        self._today = today
        self._size = SIZE[facility.level]
        self._a_day = used_a_day(facility, state, habits)
        least, most = facility.least_days, facility.least_days + REVIEW_DAYS
        self._days = {
            "enough": (least * 1.1, most * 0.95),
            "too much": (most * 1.2, most * 2.5),
            "too little": (least * 0.3, least * 0.8),
            "hours": HOURS_IN_DAYS,
            "none": (0, 0),
        }

    def count(self, medicine: Medicine) -> list[dict[str, Any]]:
        rng = self._rng
        quantity = self._quantity(medicine)
        if not quantity:
            if rng.random() < 0.7:
                return [{"item_id": medicine.item_id, "counted": 0}]
            return [self._lot(medicine, rng.randint(-8, -1), rng.randint(1, 40))]
        months = 1 if rng.random() < NEAR_EXPIRY_SHARE else rng.randint(4, 24)
        if rng.random() < 0.7 or quantity < 2:
            lines = [self._lot(medicine, months, quantity)]
        else:
            first = max(1, int(quantity * rng.uniform(0.1, 0.5)))
            lines = [
                self._lot(medicine, months, first),
                self._lot(medicine, months + rng.randint(2, 9), quantity - first),
            ]
        if rng.random() < EXPIRED_SHARE:
            lines.append(self._lot(medicine, rng.randint(-6, -1), rng.randint(1, 20)))
        return lines

    def _quantity(self, medicine: Medicine) -> int:
        rng = self._rng
        a_day = self._a_day.get(medicine.item_id)
        if a_day is None:
            kept = rng.randint(*KEPT.get(medicine.base_unit, KEPT_ELSE)) * self._size
            return 0 if rng.random() < OUT_SHARE else kept
        (share,) = rng.choices(list(KEPT_SHARES), weights=list(KEPT_SHARES.values()))
        return 0 if share == "none" else max(3, int(a_day * rng.uniform(*self._days[share])))

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
