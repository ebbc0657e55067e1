"""The essential medicines, and which of them an OPD prescribes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.demo.tables import Row, read_table

LEVELS_OF_CARE: Final = {
    "P": ("PHC", "CHC", "SDH", "DH"),
    "S": ("CHC", "SDH", "DH"),
    "T": ("DH",),
}
VITAL: Final = frozenset(
    (
        "1 Anaesthesia",
        "3 Antiallergics and anaphylaxis",
        "4 Antidotes",
        "5 Anticonvulsants and antiepileptics",
        "19 Immunologicals",
        "22 Oxytocics and antioxytocics",
        "26 Solutions correcting water, electrolyte and acid-base disturbances",
    )
)
DESIRABLE: Final = frozenset(
    ("13 Dermatological medicines (topical)", "14 Diagnostic agents", "27 Vitamins and minerals")
)
"""Sections of the list. What of them a life hangs on is for a state to say: this is made up, as
the costs are."""

COSTS_PAISE: Final = {
    "tablet": 120,
    "capsule": 250,
    "sachet": 400,
    "ampoule": 1_500,
    "tube": 2_200,
    "bottle": 3_500,
    "vial": 4_000,
    "dose": 1_800,
    "piece": 900,
    "ml": 20,
    "g": 15,
}
STRIP: Final = 10  # of tablets or capsules, as packs in India mostly have it


@dataclass(frozen=True, slots=True)
class Medicine:
    """`levels`: whose essential list it is on."""

    item_id: str
    name: str
    base_unit: str
    levels: tuple[str, ...]
    ved: str

    def record(self) -> dict[str, Any]:
        record = {
            "kind": "item",
            "item_id": self.item_id,
            "name": self.name,
            "base_unit": self.base_unit,
            "category": "vaccine" if self.base_unit == "dose" else "medicine",
            "levels": list(self.levels),
            "ved": self.ved,
            "unit_cost_paise": COSTS_PAISE[self.base_unit],
        }
        return record | ({"pack_size": STRIP} if self.base_unit in ("tablet", "capsule") else {})


@dataclass(frozen=True, slots=True)
class Habit:
    """How often an OPD prescribes a medicine, relative to others, and how much of it."""

    item_id: str
    weight: float
    quantities: tuple[int, ...]

    @property
    def mean_quantity(self) -> float:
        return sum(self.quantities) / len(self.quantities)


def essential_medicines() -> tuple[Medicine, ...]:
    return tuple(_medicine(row) for row in read_table("essential-medicines.csv"))


def prescribing_habits() -> tuple[Habit, ...]:
    return tuple(
        Habit(
            row["item_id"],
            float(row["weight"]),
            tuple(int(quantity) for quantity in row["quantities"].split()),
        )
        for row in read_table("prescribing.csv")
    )


def habits_among(habits: Sequence[Habit], item_ids: frozenset[str]) -> tuple[Habit, ...]:
    return tuple(habit for habit in habits if habit.item_id in item_ids)


def _medicine(row: Row) -> Medicine:
    levels = {level for care in row["levels"].split("|") for level in LEVELS_OF_CARE[care]}
    return Medicine(
        row["item_id"],
        " ".join(part for part in (row["name"], row["strength"], row["form"]) if part),
        row["base_unit"],
        tuple(sorted(levels)),
        _ved(frozenset(row["section"].split("|"))),
    )


def _ved(sections: frozenset[str]) -> str:
    return "V" if sections & VITAL else "D" if sections <= DESIRABLE else "E"
