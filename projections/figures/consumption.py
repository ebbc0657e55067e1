"""What was used on which day, and how many patients were served: sums over unreversed events.

A prescription is a dispense event: a counter posts one for each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from projections.arrivals import Arrival
from projections.figures.days import india_day
from stream.events import (
    LoggedDispense,
    LoggedMedicineReturned,
    LoggedStockIssued,
    LoggedTransferDispatched,
    StockEvent,
    logged_event,
)


class Use(NamedTuple):
    """Of one line: `issued` to wards and others, and by transfer; `unmet`: prescribed, not given.

    `unserved` is 1 for a line that wasn't dispensed in full.
    """

    item_id: str
    dispensed: int = 0
    issued: int = 0
    unmet: int = 0
    unserved: int = 0


class Patients(NamedTuple):
    """`served`: all that was prescribed was dispensed; `sent_away`: nothing was."""

    served: int = 0
    served_in_part: int = 0
    sent_away: int = 0


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
            return [
                Use(line.item_id, line.quantity, 0, 0, int(line.quantity == 0))
                if line.prescribed is None
                else Use(
                    line.item_id,
                    line.quantity,
                    0,
                    max(0, line.prescribed - line.quantity),
                    int(line.quantity == 0 or line.quantity < line.prescribed),
                )
                for line in event.lines
            ]
        case LoggedMedicineReturned():
            return [Use(line.item_id, dispensed=-line.quantity) for line in event.lines]
        case LoggedStockIssued() | LoggedTransferDispatched():
            return [Use(line.item_id, issued=line.quantity) for line in event.lines]
        case _:
            return []


def count_patients(event: StockEvent, uses: Collection[Use]) -> Patients | None:
    """None for what is no prescription."""
    if event.type != "medicine_dispensed":  # an isinstance check that fails is dear
        return None
    if not any(use.unserved for use in uses):
        return Patients(served=1)
    given = any(use.dispensed for use in uses)
    return Patients(served_in_part=1) if given else Patients(sent_away=1)


class Consumption:
    """Sums by facility, item and day, and by facility and day."""

    def __init__(self) -> None:
        self.items: dict[ItemDayKey, list[int]] = {}
        self.patients: dict[DayKey, list[int]] = {}

    def add(self, facility_no: int, event: StockEvent, item_nos: Mapping[str, int]) -> None:
        uses = list_uses(event)
        if not uses:
            return
        day = india_day(event.occurred_at)
        for item_id, *amounts in uses:
            _add(self.items, (facility_no, item_nos[item_id], day), amounts)
        if patients := count_patients(event, uses):
            _add(self.patients, (facility_no, day), patients)


def _add(sums: dict[Any, list[int]], key: Any, amounts: Iterable[int]) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = list(amounts)
    else:
        for at, amount in enumerate(amounts):
            known[at] += amount


ADD: Final = """
WITH item AS (
    INSERT INTO consumption_day AS known
    SELECT * FROM unnest($1::int[], $2::int[], $3::date[], $4::bigint[], $5::bigint[],
                         $6::bigint[], $7::int[])
    ON CONFLICT (facility_no, item_no, day) DO UPDATE
    SET dispensed = known.dispensed + excluded.dispensed, issued = known.issued + excluded.issued,
        unmet = known.unmet + excluded.unmet, unserved = known.unserved + excluded.unserved
)
INSERT INTO patient_day AS known
SELECT * FROM unnest($8::int[], $9::date[], $10::int[], $11::int[], $12::int[])
ON CONFLICT (day, facility_no) DO UPDATE
SET served = known.served + excluded.served,
    served_in_part = known.served_in_part + excluded.served_in_part,
    sent_away = known.sent_away + excluded.sent_away
"""

CLEAR: Final = """
WITH cleared AS (
    DELETE FROM patient_day AS known USING unnest($1::int[], $2::date[]) AS gone(facility_no, day)
    WHERE known.facility_no = gone.facility_no AND known.day = gone.day
)
DELETE FROM consumption_day AS known
USING unnest($3::int[], $4::int[], $5::date[]) AS gone(facility_no, item_no, day)
WHERE known.facility_no = gone.facility_no AND known.item_no = gone.item_no
  AND known.day = gone.day
"""

EVENTS_OF_DAYS: Final = """
SELECT facility_no, body::text, reversed_at
FROM unnest($1::int[], $2::date[]) AS wanted(facility_no, day)
CROSS JOIN LATERAL (
    SELECT body, reversed_at FROM event
    WHERE event.facility_no = wanted.facility_no
      AND occurred_at >= india_midnight(day) AND occurred_at < india_midnight(day + 1)
      AND type IN ('medicine_dispensed', 'medicine_returned', 'stock_issued',
                   'transfer_dispatched')
    OFFSET 0
) AS event
"""

FIND_ITEMS: Final = "SELECT item_id, item_no FROM item_number WHERE item_id = ANY ($1::text[])"


async def add_consumption(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    item_nos: Mapping[str, int],
) -> Consumption:
    """Add what these new events used; returns it."""
    added = Consumption()
    for arrival in applied:
        if arrival.reversed_at is None:
            added.add(arrival.facility_no, arrival.event, item_nos)
    await _write(connection, added)
    return added


async def recount_days(
    connection: "asyncpg.Connection[Any]", days: Collection[DayKey]
) -> Consumption:
    """Sum these days anew from their events, of which some were reversed; returns the sums.

    Items whose only use was reversed are among them, with 0.
    """
    columns = _columns(days, 2)
    events = [
        (facility_no, logged_event.validate_json(body), reversed_at)
        for facility_no, body, reversed_at in await connection.fetch(EVENTS_OF_DAYS, *columns)
    ]
    used = {use.item_id for _, event, _ in events for use in list_uses(event)}
    item_nos = dict(await connection.fetch(FIND_ITEMS, list(used)))
    counted, touched = Consumption(), Consumption()
    for facility_no, event, reversed_at in events:
        touched.add(facility_no, event, item_nos)
        if reversed_at is None:
            counted.add(facility_no, event, item_nos)
    await connection.execute(CLEAR, *columns, *_columns(touched.items, 3))
    await _write(connection, counted)
    return touched


async def _write(connection: "asyncpg.Connection[Any]", sums: Consumption) -> None:
    if sums.items:
        await connection.execute(
            ADD,
            *_columns([(*key, *amounts) for key, amounts in sums.items.items()], 7),
            *_columns([(*key, *amounts) for key, amounts in sums.patients.items()], 5),
        )


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * width
