"""The read model's rows beside those that the definition gives for the same records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from projections.definition import Card, CardBalance, LedgerEntry, Recorded, fold
from projections.positions import Position
from stream.batches import LogRecord
from stream.codec import content_sha256, decode_event
from tests.log_reading import Database

Key = tuple[str, str]
"""(facility_id, event_id)"""


@dataclass(frozen=True)
class Rows:
    """All that is computed from `stock-events`, by the ids that mean something outside.

    `cards`: the state and the (occurred_at, event_id, line_no) of the last entry.
    """

    events: dict[Key, tuple[int, int, datetime, datetime | None]]
    entries: dict[Card, list[LedgerEntry]]
    cards: dict[Card, tuple[int, date | None, datetime, str, int]]
    conflicts: set[tuple[int, int]]


async def read_rows(connection: Database, facility_id: str | None = None) -> Rows:
    """One facility's rows, or all, in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        events = await connection.fetch(
            "SELECT facility_id, event_id::text, partition, log_offset, recorded_at, reversed_at"
            " FROM event JOIN facility_number USING (facility_no)"
            " WHERE facility_id = coalesce($1, facility_id)",
            facility_id,
        )
        entries = await connection.fetch(
            "SELECT facility_id, item_id, lot, occurred_at, event_id::text, line_no, is_count,"
            " quantity, balance, recorded_at, reversed_at, expiry, settled_at FROM ledger_entry"
            " JOIN facility_number USING (facility_no) JOIN item_number USING (item_no)"
            " WHERE facility_id = coalesce($1, facility_id)"
            " ORDER BY occurred_at, event_id, line_no",
            facility_id,
        )
        cards = await connection.fetch(
            "SELECT facility_id, item_id, lot, on_hand, expiry, occurred_at, event_id::text,"
            " line_no FROM card"
            " JOIN facility_number USING (facility_no) JOIN item_number USING (item_no)"
            " WHERE facility_id = coalesce($1, facility_id)",
            facility_id,
        )
        conflicts = await connection.fetch(
            "SELECT partition, log_offset FROM dead_letter"
            " WHERE kind = 'conflict' AND facility_id = coalesce($1, facility_id)",
            facility_id,
        )
    by_card: dict[Card, list[LedgerEntry]] = {}
    for facility, item, lot, *entry in entries:
        by_card.setdefault(Card(facility, item, lot), []).append(LedgerEntry(*entry))
    return Rows(
        events={(row[0], row[1]): (row[2], row[3], row[4], row[5]) for row in events},
        entries=by_card,
        cards={Card(row[0], row[1], row[2]): tuple(row)[3:] for row in cards},
        conflicts={(row[0], row[1]) for row in conflicts},
    )


def expected_rows(records: Iterable[LogRecord]) -> Rows:
    """What the definition says. The records of one partition in the log's order."""
    known = _record(records)
    ledger = fold(recorded for _, recorded in known)
    first: dict[Key, int] = {}
    conflicts: set[tuple[int, int]] = set()
    for partition, recorded in known:
        key = (recorded.event.facility_id, recorded.event.event_id)
        first.setdefault(key, partition)
        if ledger.events[key].content_sha256 != recorded.content_sha256:
            conflicts.add((partition, recorded.log_offset))
    return Rows(
        events={
            key: (
                first[key],
                recorded.log_offset,
                recorded.recorded_at,
                ledger.reversed_at.get(key),
            )
            for key, recorded in ledger.events.items()
        },
        entries=ledger.entries,
        cards={
            card: (*state_of(state), *_last(ledger.entries[card]))
            for card, state in ledger.cards.items()
        },
        conflicts=conflicts,
    )


def state_of(state: CardBalance) -> tuple[int, date | None]:
    return state.on_hand, state.expiry


def _last(entries: Sequence[LedgerEntry]) -> tuple[datetime, str, int]:
    last = entries[-1]
    return last.occurred_at, last.event_id, last.line_no


def _record(records: Iterable[LogRecord]) -> list[tuple[int, Recorded]]:
    positions: dict[int, Position] = {}
    known = []
    for record in records:
        position = positions.setdefault(
            record.partition, Position(record.topic, record.partition, 0, 1, None, None, b"")
        )
        event = decode_event(record.key, record.value, record.headers)
        content = content_sha256(record.headers)
        recorded_at = position.advance(record)
        known.append((record.partition, Recorded(event, content, recorded_at, record.offset)))
    return known
