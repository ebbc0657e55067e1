"""Hourly sales of a pharmacy: columns hour, atc, packs; one row an hour and class of medicines.

Each row becomes one dispense. The classes count as items, in 10⁻⁹ packs, which is the source's own
precision, so that figures stay whole numbers. Hours are the shop's local time.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from infra.imports.kinds import Draft, Kind
from infra.imports.rows import BadRow, Row

NAME: Final = "pharmacy-sales-hourly"
COLUMNS: Final = ("hour", "atc", "packs")
ZONE: Final = ZoneInfo("Asia/Kolkata")

BASE_UNIT: Final = "nanopack"
NANOPACKS: Final = 10**9
"""A pack in base units."""

CLASSES: Final = {
    "M01AB": "Anti-inflammatories (acetic acid derivatives)",
    "M01AE": "Anti-inflammatories (propionic acid derivatives)",
    "N02BA": "Salicylates",
    "N02BE": "Anilides (paracetamol)",
    "N05B": "Anxiolytics",
    "N05C": "Hypnotics and sedatives",
    "R03": "Medicines for obstructive airway diseases",
    "R06": "Antihistamines",
}
FACILITY_ID: Final = NAME
DISTRICT_ID: Final = "unassigned"
STATE: Final = "Unassigned"
# Long before the first sale, so that figures of any past moment find facility and items.
VALID_FROM: Final = "2010-01-01T00:00:00+05:30"

_NAMESPACE: Final = UUID("5d0a7be5-3c5f-4f0e-9c0f-6b1c1c7f8f55")
_HOUR: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:00", re.ASCII)
_ATC: Final = re.compile(r"[A-Z]\d\d([A-Z]([A-Z](\d\d)?)?)?", re.ASCII)
_PACKS: Final = re.compile(r"(\d{1,4})(?:\.(\d{1,9}))?", re.ASCII)


def list_sales(rows: Iterable[Row | BadRow], facility_id: str) -> Iterator[Draft | BadRow]:
    """One draft a row. An hour names a class once: a second row of it is a bad one."""
    hour, named = "", set[str]()
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        if row.fields["hour"] != hour:
            hour, named = row.fields["hour"], set()
        if row.fields["atc"] in named:
            yield BadRow(row.line_no, f"{row.fields['atc']} stands twice in the hour {hour}")
            continue
        named.add(row.fields["atc"])
        try:
            yield Draft(row.line_no, make_dispense(facility_id=facility_id, **row.fields))
        except ValueError as error:
            yield BadRow(row.line_no, str(error))


def make_dispense(*, facility_id: str, hour: str, atc: str, packs: str) -> dict[str, Any]:
    """The event of one row; the same row always gives the same event_id. Raises ValueError."""
    quantity = count_nanopacks(packs)
    if not _ATC.fullmatch(atc):
        raise ValueError(f"atc must be a class such as N02BE, not {atc!r}")
    return {
        "event_id": str(uuid5(_NAMESPACE, f"{NAME} {hour} {atc} {quantity}")),
        "type": "medicine_dispensed",
        "facility_id": facility_id,
        "occurred_at": _parse_hour(hour).isoformat(),
        "channel": "opd",
        "lines": [{"item_id": atc, "quantity": quantity}],
    }


def count_nanopacks(packs: str) -> int:
    """A decimal number of packs, with at most 9 decimals → 10⁻⁹ packs, exactly."""
    found = _PACKS.fullmatch(packs)
    if not found:
        raise ValueError(
            f"packs must be a number such as 0.67 with up to 9 decimals, not {packs!r}"
        )
    quantity = int(found[1]) * NANOPACKS + int((found[2] or "").ljust(9, "0"))
    if not quantity:
        raise ValueError("packs must be more than 0")
    return quantity


def _parse_hour(hour: str) -> datetime:
    try:
        if _HOUR.fullmatch(hour):
            return datetime.fromisoformat(hour).replace(tzinfo=ZONE)
    except ValueError:
        pass
    raise ValueError(f"hour must be an hour such as 2014-01-02T08:00, not {hour!r}")


def _item(atc: str, name: str) -> dict[str, Any]:
    return {
        "kind": "item",
        "item_id": atc,
        "name": name,
        "base_unit": BASE_UNIT,
        "pack_size": NANOPACKS,
        "category": "medicine",
        "valid_from": VALID_FROM,
    }


KIND: Final = Kind(
    name=NAME,
    columns=COLUMNS,
    list_drafts=list_sales,
    district={
        "kind": "district",
        "district_id": DISTRICT_ID,
        "name": "Not assigned to a district",
        "state": STATE,
        "valid_from": VALID_FROM,
    },
    facility={
        "kind": "facility",
        "facility_id": FACILITY_ID,
        "name": "Pharmacy of the hourly sales",
        "level": "OTHER",
        "district_id": DISTRICT_ID,
        "state": STATE,
        "valid_from": VALID_FROM,
    },
    items=tuple(_item(atc, name) for atc, name in CLASSES.items()),
)
