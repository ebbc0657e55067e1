"""What happens behind the counter: receipts, transfers, issues, counts and write-offs."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any, Final

from infra.demo.facts import Event, Pharmacy, fact, lot_lines
from infra.demo.medicines import STRIP
from infra.demo.opening import month_end, new_lot
from infra.demo.shelves import Taken

RECEIVED_STRIPS: Final = (20, 400)
MOST_ITEMS: Final = 4
REORDER_PATIENTS: Final = 400
"""A transfer brings what so many patients need of an item, if the supplier has it."""


def receive(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event:
    """A delivery to a warehouse from outside the state's facilities."""
    lines: list[dict[str, Any]] = []
    for habit in _some(pharmacy, rng):
        packs = rng.randint(*RECEIVED_STRIPS)
        expiry = month_end(now.date(), rng.randint(12, 30))
        taken = Taken(habit, new_lot(rng), expiry, packs * STRIP)
        pharmacy.shelves.put(taken)
        lines += [
            line | {"packs": packs, "pack_size": STRIP} for line in lot_lines([taken], expiry=True)
        ]
    return fact(
        "stock_received",
        pharmacy,
        now,
        rng,
        source_kind="warehouse",
        source_name="State Medical Services Corporation",
        document_no=f"CH-{now:%y%m%d}-{rng.randint(0, 9999):04}",
        lines=lines,
    )


def dispatch(
    supplier: Pharmacy, pharmacy: Pharmacy, now: datetime, rng: Random
) -> tuple[Event, list[Taken]] | None:
    """What the pharmacy has least of goes to it, as far as the supplier has it."""
    total = sum(habit.weight for habit in pharmacy.habits)
    by_need = sorted(
        pharmacy.habits,
        key=lambda habit: (
            pharmacy.shelves.on_hand(habit.item_id) / (habit.weight * habit.mean_quantity)
        ),
    )
    taken: list[Taken] = []
    for habit in by_need[:MOST_ITEMS]:
        wanted = habit.weight / total * habit.mean_quantity * REORDER_PATIENTS
        taken += supplier.shelves.take(habit.item_id, max(STRIP, int(wanted) // STRIP * STRIP))
    if not taken:
        return None
    event = fact(
        "transfer_dispatched",
        supplier,
        now,
        rng,
        transfer_id=f"T{now:%y%m%d%H%M%S}-{rng.randint(0, 9999):04}",
        to_facility_id=pharmacy.facility_id,
        lines=lot_lines(taken, expiry=True),
    )
    return event, taken


def receive_transfer(
    dispatched: Event, taken: Sequence[Taken], pharmacy: Pharmacy, now: datetime, rng: Random
) -> Event:
    """All of it comes, but for what broke on the way."""
    lines = lot_lines(taken, expiry=True)
    if rng.random() < 0.15:
        damaged = min(rng.randint(1, 5), lines[0]["quantity"])
        lines[0] |= {"quantity": lines[0]["quantity"] - damaged, "damaged": damaged}
    for each, line in zip(taken, lines, strict=True):
        pharmacy.shelves.put(each._replace(quantity=line["quantity"]))
    return fact(
        "transfer_received",
        pharmacy,
        now,
        rng,
        transfer_id=dispatched["transfer_id"],
        from_facility_id=dispatched["facility_id"],
        lines=lines,
    )


def issue(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event | None:
    """To a village health worker or to a ward."""
    items = _some(pharmacy, rng)
    taken = [each for item in items for each in pharmacy.shelves.take(item, rng.randint(2, 20))]
    if not taken:
        return None
    to_kind = "ward" if pharmacy.facility.level in ("DH", "SDH") else "asha"
    return fact("stock_issued", pharmacy, now, rng, to_kind=to_kind, lines=lot_lines(taken))


def write_off(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event | None:
    """Expired lots, or else what broke."""
    reason, taken = "expired", pharmacy.shelves.take_expired()
    if not taken:
        reason = "damaged"
        taken = [
            each for item in _some(pharmacy, rng)[:1] for each in pharmacy.shelves.take(item, 2)
        ]
    lines = [line | {"quantity": -line["quantity"], "reason": reason} for line in lot_lines(taken)]
    return fact("stock_adjusted", pharmacy, now, rng, lines=lines) if lines else None


def count(pharmacy: Pharmacy, now: datetime, rng: Random) -> Event | None:
    """A spot check; now and then it finds a little less than the book says."""
    lines: list[dict[str, Any]] = []
    for item_id in _some(pharmacy, rng):
        for lot in pharmacy.shelves.lots(item_id):
            counted = max(0, lot.on_hand - (rng.randint(1, 6) if rng.random() < 0.2 else 0))
            lines.append({"item_id": item_id, "lot": lot.lot, "counted": counted})
            pharmacy.shelves.set_counted(item_id, lot.lot, counted)
    return fact("stock_counted", pharmacy, now, rng, complete=True, lines=lines) if lines else None


def _some(pharmacy: Pharmacy, rng: Random) -> list[str]:
    """A few of the items that the OPD prescribes, whether there is any or not."""
    items = [habit.item_id for habit in pharmacy.habits]
    return rng.sample(items, k=rng.randint(1, MOST_ITEMS))
