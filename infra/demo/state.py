"""The demo's state: districts with a warehouse, a hospital of several counters, and centres."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import Any, Final

from infra.demo.medicines import Medicine, essential_medicines
from infra.demo.tables import Row, read_table

STATE: Final = "Rajasthan"
COUNTERS: Final = 3
NEVER_STARTED: Final = "RJ-UDR-DH"
"""A hospital that is registered, with all its parts, and posts nothing."""
REVIEW_DAYS: Final = 30
KEPT_DAYS: Final = {
    "PHC": (14, 14),
    "CHC": (10, 10),
    "SDH": (7, 10),
    "DH": (7, 7),
    "COUNTER": (1, 2),
    "STORE": (7, 14),
    "WAREHOUSE": (30, 30),
}
"""Lead time and safety stock of a level: the farther from the warehouse, the more."""
DIRECTIVE_TIME: Final = timedelta(days=14)
BLOCK_SPREAD_DEGREES: Final = 0.4
PLACE_SPREAD_DEGREES: Final = 0.08


@dataclass(frozen=True, kw_only=True)
class Facility:
    """`patients_a_day` come to its own counter; what it runs short of comes from `supplier_id`."""

    facility_id: str
    name: str
    level: str
    district_id: str
    location: tuple[float, float]
    block_id: str | None = None
    parent_id: str | None = None
    supplier_id: str | None = None
    patients_a_day: int = 0

    @property
    def is_open(self) -> bool:
        return NEVER_STARTED not in (self.facility_id, self.parent_id)

    @property
    def least_days(self) -> int:
        """Of what it uses, the least that its level's norm has it keep."""
        return sum(KEPT_DAYS[self.level])

    def record(self) -> dict[str, Any]:
        lat, lon = self.location
        record = {
            "kind": "facility",
            "facility_id": self.facility_id,
            "name": self.name,
            "level": self.level,
            "district_id": self.district_id,
            "block_id": self.block_id,
            "parent_facility_id": self.parent_id,
            "state": STATE,
            "location": {"lat": round(lat, 4), "lon": round(lon, 4)},
        }
        return {name: value for name, value in record.items() if value is not None}


@dataclass(frozen=True)
class State:
    districts: tuple[dict[str, Any], ...]
    facilities: tuple[Facility, ...]
    medicines: tuple[Medicine, ...]

    def records(self, today: date) -> list[dict[str, Any]]:
        """Everything to register on that day, as the API takes it."""
        known: list[Facility | Medicine] = [*self.facilities, *self.medicines]
        records = [*self.districts, *(each.record() for each in known)]
        return [*records, *norms(), chain(), directive(today)]

    @cached_property
    def open_facilities(self) -> tuple[Facility, ...]:
        """Those that post."""
        return tuple(facility for facility in self.facilities if facility.is_open)

    @cached_property
    def by_id(self) -> dict[str, Facility]:
        return {facility.facility_id: facility for facility in self.facilities}


def norms() -> list[dict[str, Any]]:
    """How much a level keeps."""
    return [
        {
            "kind": "norm",
            "norm_id": f"LEVEL-{level}",
            "level": level,
            "window_days": 30,
            "lead_time_days": lead,
            "safety_days": safety,
            "review_days": REVIEW_DAYS,
        }
        for level, (lead, safety) in KEPT_DAYS.items()
    ]


def chain() -> dict[str, Any]:
    """Who answers next."""
    officers = {
        "in_charge": ("Medical officer in charge", 0, None),
        "block": ("Block CMO", 12, 4),
        "district": ("CMHO", 24, 8),
        "state": ("Mission Director NHM", 72, 24),
    }
    steps = [
        {"officer": officer, "title": title, "after_hours": hours, "critical_after_hours": critical}
        for officer, (title, hours, critical) in officers.items()
    ]
    return {"kind": "chain", "chain_id": STATE.upper(), "state": STATE, "steps": steps}


def directive(today: date) -> dict[str, Any]:
    """Issued today."""
    return {
        "kind": "directive",
        "directive_id": "MODULE-IN-USE",
        "title": "The pharmacy module is in use in every DH and CHC",
        "requires": "module_in_use",
        "levels": ["DH", "CHC"],
        "state": STATE,
        "deadline": (today + DIRECTIVE_TIME).isoformat(),
        "used_days": 6,
        "of_open_days": 12,
    }


def small_state() -> State:
    """The same each time."""
    districts = read_table("districts.csv")
    places = read_table("places.csv")
    facilities = tuple(
        facility
        for district in districts
        for facility in _facilities(
            district, [place for place in places if place["district_id"] == district["district_id"]]
        )
    )
    return State(tuple(map(_district_record, districts)), facilities, essential_medicines())


def _district_record(district: Row) -> dict[str, Any]:
    return {
        "kind": "district",
        "district_id": district["district_id"],
        "name": district["district"],
        "state": STATE,
    }


def _facilities(district: Row, places: list[Row]) -> Iterator[Facility]:
    district_id, town = district["district_id"], district["district"]
    location = (float(district["lat"]), float(district["lon"]))
    warehouse_id = f"{district_id}-WH"
    yield Facility(
        facility_id=warehouse_id,
        name=f"District Drug Warehouse {town}",
        level="WAREHOUSE",
        district_id=district_id,
        location=location,
    )
    yield from _hospital(district_id, town, location, warehouse_id)
    rng = Random(district_id)
    blocks: dict[str, tuple[float, float]] = {}
    for place in places:
        if place["block"] not in blocks:
            blocks[place["block"]] = _near(rng, location, BLOCK_SPREAD_DEGREES)
        around = _near(rng, blocks[place["block"]], PLACE_SPREAD_DEGREES)
        yield _centre(rng, place, around, warehouse_id)


def _hospital(
    district_id: str, town: str, location: tuple[float, float], warehouse_id: str
) -> Iterator[Facility]:
    """The hospital's own pharmacy serves its wards, its counters the OPD, its store them all."""
    hospital_id = f"{district_id}-DH"
    store_id = f"{hospital_id}-STORE"

    def part(suffix: str, name: str, level: str, supplier_id: str, patients: int = 0) -> Facility:
        return Facility(
            facility_id=hospital_id + suffix,
            name=f"District Hospital {town}{name}",
            level=level,
            district_id=district_id,
            location=location,
            parent_id=hospital_id if suffix else None,
            supplier_id=supplier_id,
            patients_a_day=patients,
        )

    yield part("", "", "DH", store_id, 100)
    yield part("-STORE", ", Drug Store", "STORE", warehouse_id)
    for number in range(1, COUNTERS + 1):
        yield part(f"-C{number}", f", OPD Counter {number}", "COUNTER", store_id, 300)


def _centre(rng: Random, place: Row, location: tuple[float, float], supplier_id: str) -> Facility:
    district_id, level = place["district_id"], place["level"]
    patients = {"SDH": 400, "CHC": rng.randint(160, 240), "PHC": rng.randint(60, 100)}
    return Facility(
        facility_id=f"{district_id}-{level}-{_code(place['place'])}",
        name=f"{level} {place['place']}",
        level=level,
        district_id=district_id,
        location=location,
        block_id=f"{district_id}-{_code(place['block'])}",
        supplier_id=supplier_id,
        patients_a_day=patients[level],
    )


def _near(rng: Random, centre: tuple[float, float], spread: float) -> tuple[float, float]:
    lat, lon = centre
    return lat + rng.uniform(-spread, spread), lon + rng.uniform(-spread, spread)


def _code(name: str) -> str:
    return re.sub(r"[^A-Z]+", "-", name.upper())
