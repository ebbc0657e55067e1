"""What was used on which day, and how many patients were served: sums over unreversed events.

A prescription is a dispense event: a counter posts one for each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from projections.arrivals import Arrival
from projections.figures.days import india_day
from projections.figures.stock_outs import Pair
from projections.figures.undoing import Undone
from stream.events import (
    LoggedDispense,
    LoggedMedicineReturned,
    LoggedStockIssued,
    LoggedTransferDispatched,
    StockEvent,
)

Use: TypeAlias = tuple[str, int, int, int, int, int]
"""Of one line: (item_id, dispensed, issued, unmet, unserved, prescriptions). `issued` to wards and
others, and by transfer; `unmet`: prescribed, not given; `unserved` is 1 for a line that wasn't
dispensed in full, `prescriptions` for the first of an item in a prescription.
A plain tuple: some 100,000 are made in a second."""


class Patients(NamedTuple):
    """`served`: all that was prescribed was dispensed; `sent_away`: nothing was."""

    served: int = 0
    served_in_part: int = 0
    sent_away: int = 0


SERVED: Final = Patients(served=1)

DayKey: TypeAlias = tuple[int, date]
"""(facility_no, day)"""

ItemDayKey: TypeAlias = tuple[int, int, date]
"""(facility_no, item_no, day)"""


USES: Final = frozenset(
    ("medicine_dispensed", "medicine_returned", "stock_issued", "transfer_dispatched")
)
"""Types of events that use something."""


def list_uses(event: StockEvent) -> list[Use]:
    """By line. A quantity of 0 says that what was prescribed wasn't given, however much it was."""
    if event.type not in USES:  # an isinstance check that fails is dear
        return []
    match event:
        case LoggedDispense():
            return _list_dispensed(event)
        case LoggedMedicineReturned():
            return [(line.item_id, -line.quantity, 0, 0, 0, 0) for line in event.lines]
        case LoggedStockIssued() | LoggedTransferDispatched():
            return [(line.item_id, 0, line.quantity, 0, 0, 0) for line in event.lines]
        case _:
            return []


def _list_dispensed(event: LoggedDispense) -> list[Use]:
    uses: list[Use] = []
    named: set[str] = set()
    for line in event.lines:
        item_id, quantity, asked = line.item_id, line.quantity, line.prescribed
        unmet = 0 if asked is None or asked < quantity else asked - quantity
        unserved = 1 if unmet or quantity == 0 else 0
        uses.append((item_id, quantity, 0, unmet, unserved, 0 if item_id in named else 1))
        named.add(item_id)
    return uses


def count_patients(event: StockEvent, uses: Collection[Use]) -> Patients | None:
    """None for what is no prescription."""
    if event.type != "medicine_dispensed":  # an isinstance check that fails is dear
        return None
    unserved = [unserved for _, _, _, _, unserved, _ in uses]
    if not any(unserved):
        return SERVED
    given = any(dispensed for _, dispensed, *_ in uses)
    return Patients(served_in_part=1) if given else Patients(sent_away=1)


class Consumption:
    """Sums by facility, item and day, and by facility and day."""

    def __init__(self) -> None:
        self.items: dict[ItemDayKey, Sequence[int]] = {}
        self.patients: dict[DayKey, Sequence[int]] = {}

    def add(
        self, facility_no: int, event: StockEvent, item_nos: Mapping[str, int], times: int = 1
    ) -> None:
        """`times`: -1 takes it back."""
        uses = list_uses(event)
        if not uses:
            return
        day = india_day(event.occurred_at)
        for use in uses:
            _add(self.items, (facility_no, item_nos[use[0]], day), use[1:], times)
        if patients := count_patients(event, uses):
            _add(self.patients, (facility_no, day), patients, times)


def _add(sums: dict[Any, Sequence[int]], key: Any, amounts: Sequence[int], times: int) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = amounts if times == 1 else [amount * times for amount in amounts]
    else:
        sums[key] = [sum_ + amount * times for sum_, amount in zip(known, amounts, strict=True)]


ADD: Final = """
WITH item AS (
    INSERT INTO consumption_day AS known
    SELECT * FROM unnest($1::int[], $2::int[], $3::date[], $4::bigint[], $5::bigint[],
                         $6::bigint[], $7::int[], $8::int[])
    ON CONFLICT (facility_no, item_no, day) DO UPDATE
    SET dispensed = known.dispensed + excluded.dispensed, issued = known.issued + excluded.issued,
        unmet = known.unmet + excluded.unmet, unserved = known.unserved + excluded.unserved,
        prescriptions = known.prescriptions + excluded.prescriptions
), patients AS (
    INSERT INTO patient_day AS known
    SELECT * FROM unnest($9::int[], $10::date[], $11::int[], $12::int[], $13::int[])
    ORDER BY 2, 1
    ON CONFLICT (day, facility_no) DO UPDATE
    SET served = known.served + excluded.served,
        served_in_part = known.served_in_part + excluded.served_in_part,
        sent_away = known.sent_away + excluded.sent_away
    RETURNING *
)
UPDATE facility_state AS place
SET patients_served = served, patients_served_in_part = served_in_part,
    patients_sent_away = sent_away
FROM patients WHERE place.facility_no = patients.facility_no AND evaluated_on = day
"""

# A day of which nothing is left has no row, unless what was used came back: a prescription and its
# return add up to nothing, too. Each prescription counts one patient.
DROP_EMPTY: Final = f"""
WITH dropped AS (
    DELETE FROM patient_day AS known USING unnest($1::int[], $2::date[]) AS less(facility_no, day)
    WHERE known.facility_no = less.facility_no AND known.day = less.day
      AND served = 0 AND served_in_part = 0 AND sent_away = 0
)
DELETE FROM consumption_day AS known
USING unnest($3::int[], $4::int[], $5::date[]) AS less(facility_no, item_no, day)
WHERE known.facility_no = less.facility_no AND known.item_no = less.item_no
  AND known.day = less.day AND dispensed = 0 AND issued = 0 AND unmet = 0 AND unserved = 0
  AND prescriptions = 0
  AND NOT EXISTS (
      SELECT FROM card JOIN ledger_entry AS entry USING (facility_no, item_no, lot)
      JOIN event ON event.facility_no = entry.facility_no AND event.event_id = entry.event_id
      WHERE card.facility_no = less.facility_no AND card.item_no = less.item_no
        AND entry.occurred_at >= india_midnight(less.day)
        AND entry.occurred_at < india_midnight(less.day + 1)
        AND entry.reversed_at IS NULL AND event.type IN ({", ".join(f"'{kind}'" for kind in USES)})
  )
"""


async def put_consumption(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    item_nos: Mapping[str, int],
    undone: Undone,
    unheard_of: Collection[Pair],
) -> Consumption:
    """Add what these new events used, and take back what those used that are reversed now.

    Returns the sums. The ledger must be written.

    Args:
        unheard_of: items of which nothing was known before.
    """
    sums, less = Consumption(), Consumption()
    for facility_no, event in undone.events:
        less.add(facility_no, event, undone.item_nos)
        sums.add(facility_no, event, undone.item_nos, -1)
    for arrival in applied:
        if arrival.reversed_at is None:
            sums.add(arrival.facility_no, arrival.event, item_nos)
    if sums.items:
        first: list[Sequence[Any]] = []
        more: list[Sequence[Any]] = []
        # In the order of their keys: neighbours are on the same pages.
        for key, amounts in sorted(sums.items.items()):
            (first if key[:2] in unheard_of else more).append((*key, *amounts))
        if first:
            await connection.copy_records_to_table("consumption_day", records=first)
        await connection.execute(
            ADD,
            *_columns(more, 8),
            *_columns([(*key, *amounts) for key, amounts in sums.patients.items()], 5),
        )
    if less.items:
        await connection.execute(DROP_EMPTY, *_columns(less.patients, 2), *_columns(less.items, 3))
    return sums


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * width
