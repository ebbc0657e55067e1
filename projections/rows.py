"""The rows of a batch: its events, their lines, the cards and the facilities' activity."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from projections.arrivals import Arrival
from projections.cards import CardKey, CardState, Fold

EVENT_COLUMNS: Final = (
    "facility_no",
    "event_id",
    "type",
    "occurred_at",
    "recorded_at",
    "reversed_at",
    "partition",
    "log_offset",
    "content_sha256",
    "body",
)
ENTRY_COLUMNS: Final = (
    "facility_no",
    "item_no",
    "lot",
    "occurred_at",
    "event_id",
    "line_no",
    "is_count",
    "quantity",
    "balance",
    "recorded_at",
    "reversed_at",
    "expiry",
    "settled_at",
)
CARD_COLUMNS: Final = (
    "facility_no",
    "item_no",
    "lot",
    "on_hand",
    "expiry",
    "occurred_at",
    "event_id",
    "line_no",
)

# Yields how it was before. One statement: a small batch costs mostly round trips.
PUT: Final = """
WITH put_card AS (
    UPDATE card
    SET on_hand = told.on_hand, expiry = told.expiry, occurred_at = told.occurred_at,
        event_id = told.event_id, line_no = told.line_no
    FROM unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::date[], $6::timestamptz[],
                $7::uuid[], $8::smallint[])
        AS told(facility_no, item_no, lot, on_hand, expiry, occurred_at, event_id, line_no)
    WHERE card.facility_no = told.facility_no AND card.item_no = told.item_no
      AND card.lot = told.lot
),
put_activity AS (
    INSERT INTO facility_activity AS known
           (facility_no, last_recorded_at, ahead, first_recorded_at)
    SELECT * FROM unnest($9::int[], $10::timestamptz[], $11::interval[], $12::timestamptz[])
    ON CONFLICT (facility_no) DO UPDATE
    SET last_recorded_at = greatest(known.last_recorded_at, excluded.last_recorded_at),
        ahead = greatest(known.ahead, excluded.ahead),
        first_recorded_at = least(known.first_recorded_at, excluded.first_recorded_at)
)
SELECT facility_no, last_recorded_at, silent
FROM facility_state LEFT JOIN facility_activity USING (facility_no)
WHERE facility_no = ANY ($9)
"""

Columns = Sequence[Sequence[Any]]


class Before(NamedTuple):
    """How a batch's facilities were before it.

    `replayed`: those that had told us something later than what comes now; `silent`: those that are
    held to be.
    """

    replayed: set[int]
    silent: set[int]


async def write_rows(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    fold: Fold,
    known: Collection[CardKey],
) -> Before:
    """Write them. Their facilities have places (`projections.figures.places`).

    Args:
        known: the cards that are there.
    """
    first: dict[int, datetime] = {}
    for arrival in applied:
        first.setdefault(arrival.facility_no, arrival.recorded_at)
    await connection.copy_records_to_table(
        "event", columns=EVENT_COLUMNS, records=[_event_row(arrival) for arrival in applied]
    )
    if fold.entries:
        await connection.copy_records_to_table(
            "ledger_entry", columns=ENTRY_COLUMNS, records=_entry_rows(fold)
        )
    new = [_card_row(card, state) for card, state in fold.cards.items() if card not in known]
    if new:
        await connection.copy_records_to_table("card", columns=CARD_COLUMNS, records=new)
    moved = [_card_row(card, fold.cards[card]) for card in known]
    columns = list(zip(*moved, strict=True)) or [()] * len(CARD_COLUMNS)
    rows = await connection.fetch(PUT, *columns, *_activity(applied))
    return Before(
        {number for number, heard_at, _ in rows if heard_at and heard_at > first[number]},
        {number for number, _, silent in rows if silent},
    )


def _event_row(arrival: Arrival) -> tuple[Any, ...]:
    event, record = arrival.event, arrival.record
    return (
        arrival.facility_no,
        arrival.event_id,
        event.type,
        event.occurred_at,
        arrival.recorded_at,
        arrival.reversed_at,
        record.partition,
        record.offset,
        arrival.content_sha256,
        arrival.body,
    )


def _entry_rows(fold: Fold) -> list[tuple[Any, ...]]:
    return [
        (
            *card,
            arrival.event.occurred_at,
            arrival.event_id,
            line_no,
            is_count,
            quantity,
            balance,
            arrival.recorded_at,
            arrival.reversed_at,
            expiry,
            settled_at,
        )
        for card, arrival, entry, balance, settled_at in fold.entries
        for _, _, line_no, is_count, quantity, expiry in (entry,)
    ]


def _card_row(card: CardKey, state: CardState) -> tuple[Any, ...]:
    on_hand, expiry, last = state
    return (*card, on_hand, expiry, *last)


def _activity(applied: Sequence[Arrival]) -> Columns:
    """facility_no, last recorded_at, by how much occurred_at was after recorded_at at most, and
    first recorded_at.
    """
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    ahead: dict[int, timedelta] = {}
    for arrival in applied:
        facility_no, recorded_at = arrival.facility_no, arrival.recorded_at
        first.setdefault(facility_no, recorded_at)
        last[facility_no] = recorded_at
        lead = arrival.event.occurred_at - recorded_at
        ahead[facility_no] = max(lead, ahead.get(facility_no, timedelta()))
    return list(last), list(last.values()), list(ahead.values()), list(first.values())
