"""What happens at the counter: medicines are handed out, and some come back."""

from datetime import datetime
from random import Random
from typing import Any, Final

from infra.demo.facts import Event, Pharmacy, fact, lot_lines
from infra.demo.medicines import Habit
from infra.demo.shelves import Taken

LINES_WEIGHTS: Final = (30, 40, 20, 10)  # of prescriptions with 1, 2, 3 and 4 medicines
WITHOUT_LOT: Final = 0.02
PRESCRIBERS: Final = ("Sharma", "Meena", "Choudhary", "Rathore", "Khan", "Joshi", "Gupta", "Bairwa")


def dispense(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event:
    """One prescription; what isn't there is prescribed and not given."""
    taken: list[Taken] = []
    lines: list[dict[str, Any]] = []
    for habit in _prescribe(pharmacy.habits, rng):
        prescribed = rng.choice(habit.quantities)
        given = pharmacy.shelves.take(habit.item_id, prescribed)
        taken += given
        lines += _lines(habit.item_id, prescribed, given, rng)
    event = fact(
        "medicine_dispensed",
        pharmacy,
        now,
        rng,
        channel=_channel(pharmacy, rng),
        patient={"scheme": "opd", "id": f"{pharmacy.facility_id}/{rng.randint(1, 99999):05}"},
        prescription_ref=f"OPD-{now:%y%m%d}-{rng.randint(0, 99999):05}",
        prescriber={"name": f"Dr. {rng.choice(PRESCRIBERS)}"},
        lines=lines,
    )
    if taken:
        pharmacy.given.append((event["event_id"], taken))
    return event


def take_back(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event | None:
    """A patient brings some of it back, unopened."""
    if not pharmacy.given:
        return None
    event_id, taken = pharmacy.given.popleft()
    one = rng.choice(taken)
    back = one._replace(quantity=rng.randint(1, one.quantity))
    pharmacy.shelves.put(back)
    lines = lot_lines([back])
    return fact("medicine_returned", pharmacy, now, rng, returns_event_id=event_id, lines=lines)


def reverse(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event | None:
    """It was typed for the wrong patient, and never given."""
    if not pharmacy.given:
        return None
    event_id, taken = pharmacy.given.pop()
    for each in taken:
        pharmacy.shelves.put(each)
    reason = "typed for the wrong patient"
    return fact("event_reversed", pharmacy, now, rng, reverses=event_id, reason=reason)


def _prescribe(habits: tuple[Habit, ...], rng: Random) -> list[Habit]:
    (wanted,) = rng.choices((1, 2, 3, 4), weights=LINES_WEIGHTS)
    chosen = rng.choices(habits, weights=[habit.weight for habit in habits], k=wanted)
    return list({habit.item_id: habit for habit in chosen}.values())


def _lines(item_id: str, prescribed: int, given: list[Taken], rng: Random) -> list[dict[str, Any]]:
    if not given:
        return [{"item_id": item_id, "prescribed": prescribed, "quantity": 0}]
    if len(given) == 1 and rng.random() < WITHOUT_LOT:  # in a hurry, nobody looked at the pack
        quantity = given[0].quantity
        return [{"item_id": item_id, "prescribed": prescribed, "quantity": quantity}]
    lines = lot_lines(given)
    lines[0]["prescribed"] = prescribed
    return lines


def _channel(pharmacy: Pharmacy, rng: Random) -> str:
    return rng.choice(("ipd", "emergency")) if pharmacy.facility.level == "DH" else "opd"
