"""Two weeks before the demo begins, at one centre: what it used, so that its items are rated."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import uuid5

from infra.demo.facts import Event
from infra.demo.medicines import Habit, habits_among
from infra.demo.opening import NAMESPACE, opening_counts
from infra.demo.state import Facility, State

DAYS: Final = 15
PRESCRIPTIONS_A_DAY: Final = 30
MINUTES_BETWEEN: Final = 10
LINES: Final = 2


def rated_centre(state: State) -> Facility:
    """The smallest one: few prescriptions tell how much it uses."""
    centres = [each for each in state.facilities if each.level == "PHC"]
    return min(centres, key=lambda each: (each.patients_a_day, each.facility_id))


def past_events(state: State, habits: Sequence[Habit], *, at: datetime) -> list[Event]:
    """A first count and all that was given out since, so that what is left is what the opening
    count finds at `at`. The same ids each time.
    """
    centre = rated_centre(state)
    counts = opening_counts(centre, state, habits, at=at)
    lots = _lots_in_use(counts, at)
    rng = Random(f"past of {centre.facility_id}")
    in_use = habits_among(habits, frozenset(lots))
    given = [
        _dispense(centre, in_use, lots, rng, at=at, number=number)
        for number in range(DAYS * PRESCRIPTIONS_A_DAY)
    ]
    used: Counter[str] = Counter()
    for event in given:
        used.update({line["lot"]: line["quantity"] for line in event["lines"]})
    first = [
        count
        | {
            "event_id": _id(centre, f"first/{number}"),
            "occurred_at": (at - timedelta(days=DAYS + 1)).isoformat(),
            "lines": [
                line | {"counted": line["counted"] + used[line.get("lot", "")]}
                for line in count["lines"]
            ],
        }
        for number, count in enumerate(counts)
    ]
    return first + given


def _lots_in_use(counts: Sequence[Event], at: datetime) -> dict[str, str]:
    """The first lot of each item that is still good."""
    lots: dict[str, str] = {}
    for count in counts:
        for line in count["lines"]:
            if "lot" in line and line["expiry"] >= at.date().isoformat():
                lots.setdefault(line["item_id"], line["lot"])
    return lots


def _dispense(
    centre: Facility,
    habits: Sequence[Habit],
    lots: dict[str, str],
    rng: Random,
    *,
    at: datetime,
    number: int,
) -> dict[str, Any]:
    day, of_day = divmod(number, PRESCRIPTIONS_A_DAY)
    chosen = rng.choices(habits, weights=[habit.weight for habit in habits], k=LINES)
    happened = at - timedelta(days=DAYS - day, minutes=-MINUTES_BETWEEN * of_day)
    return {
        "event_id": _id(centre, f"past/{number}"),
        "type": "medicine_dispensed",
        "facility_id": centre.facility_id,
        "occurred_at": happened.isoformat(),
        "channel": "opd",
        "lines": [
            {"item_id": item_id, "lot": lots[item_id], "quantity": rng.choice(quantities)}
            for item_id, quantities in {each.item_id: each.quantities for each in chosen}.items()
        ],
    }


def _id(centre: Facility, what: str) -> str:
    return str(uuid5(NAMESPACE, f"{centre.facility_id}/{what}"))
