"""The weeks before a facility came to Dawalog, typed in from its register: a count, then what was
given out in each week. It is what items are rated by from the first minute on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from infra.demo.facts import Event
from infra.demo.medicines import Habit
from infra.demo.opening import (
    month_end,
    new_lot,
    opening_counts,
    opening_id,
    stocked_medicines,
    used_a_day,
)
from infra.demo.state import Facility, State

WEEK_DAYS: Final = 7
COUNTED_DAYS_AGO: Final = 15
WEEKS_ENDED_DAYS_AGO: Final = (8, 1)
RAN_OUT_EARLY: Final = 0.5
"""Of what is out: how much was used up in the first of the weeks."""
MOST_TURNED_AWAY: Final = 20


def first_events(
    facility: Facility, state: State, habits: Sequence[Habit], *, at: datetime
) -> list[Event]:
    """Everything that a facility posts when it starts: its weeks before, its opening counts. The
    same ids each time.
    """
    counts = opening_counts(facility, state, habits, at=at)
    if facility.level == "COUNTER":  # its register is the store's
        return counts
    return [*_past(facility, state, habits, counts, at), *counts]


def _past(
    facility: Facility,
    state: State,
    habits: Sequence[Habit],
    counts: Sequence[Event],
    at: datetime,
) -> list[Event]:
    """What is left after it is what `counts` find."""
    rng = Random(f"past of {facility.facility_id}")
    found = _good_lots(counts, at)
    stocked = {each.item_id for each in stocked_medicines(facility, state, habits)}
    first: list[dict[str, Any]] = []
    weeks: tuple[list[dict[str, Any]], ...] = ([], [])
    for item_id, a_day in used_a_day(facility, state, habits).items():
        if item_id not in stocked:
            continue
        lots = found.get(item_id) or [_used_up_lot(item_id, rng, at)]
        used = [_in_a_week(a_day, rng) for _ in weeks]
        if item_id not in found and rng.random() < RAN_OUT_EARLY:
            weeks[1].extend(_turned_away(item_id, used.pop(), facility, rng))
        for week, quantity in zip(weeks, used, strict=False):
            week.append({"item_id": item_id, "lot": lots[0]["lot"], "quantity": quantity})
        first += [lots[0] | {"counted": lots[0]["counted"] + sum(used)}, *lots[1:]]
    return [
        {
            "event_id": opening_id(facility.facility_id, "first"),
            "type": "stock_counted",
            "facility_id": facility.facility_id,
            "occurred_at": (at - timedelta(days=COUNTED_DAYS_AGO)).isoformat(),
            "note": "From the paper register",
            "lines": first,
        },
        *(
            _register_week(facility, lines, at - timedelta(days=ago), number)
            for number, (lines, ago) in enumerate(zip(weeks, WEEKS_ENDED_DAYS_AGO, strict=True))
        ),
    ]


def _good_lots(counts: Sequence[Event], at: datetime) -> dict[str, list[dict[str, Any]]]:
    """By item, what of it is there and has not expired."""
    lots: dict[str, list[dict[str, Any]]] = {}
    for count in counts:
        for line in count["lines"]:
            if "lot" in line and line["expiry"] >= at.date().isoformat():
                lots.setdefault(line["item_id"], []).append(line)
    return lots


def _used_up_lot(item_id: str, rng: Random, at: datetime) -> dict[str, Any]:
    expiry = month_end(at.date(), rng.randint(4, 24)).isoformat()
    return {"item_id": item_id, "lot": new_lot(rng), "expiry": expiry, "counted": 0}


def _turned_away(
    item_id: str, wanted: int, facility: Facility, rng: Random
) -> list[dict[str, Any]]:
    """A line for each of those who asked in vain; stores don't write them down."""
    if not facility.patients_a_day:
        return []
    patients = rng.randint(3, MOST_TURNED_AWAY)
    line = {"item_id": item_id, "prescribed": max(1, wanted // patients), "quantity": 0}
    return [line] * patients


def _in_a_week(a_day: float, rng: Random) -> int:
    return max(1, round(a_day * WEEK_DAYS * rng.uniform(0.85, 1.15)))


def _register_week(
    facility: Facility, lines: Sequence[dict[str, Any]], ended: datetime, number: int
) -> Event:
    """A page of the register. Stores gave to others, who weren't on Dawalog yet."""
    given: dict[str, Any] = {"type": "medicine_dispensed", "channel": "opd"}
    if facility.level in ("STORE", "WAREHOUSE"):
        given = {"type": "stock_issued", "to_kind": "other", "to_name": "as in the register"}
    return {
        "event_id": opening_id(facility.facility_id, f"week/{number}"),
        "facility_id": facility.facility_id,
        "occurred_at": ended.isoformat(),
        "note": "A week's total from the paper register",
        **given,
        "lines": list(lines),
    }
