"""What the read model's rows mean, as plain and slow Python: everything is tested against it.

The rows are a function of the *set* of known events. Nothing here looks at the order in which
records came, but for one thing: of two events with one id, the first recorded stands.

    sort a card's unreversed entries by (occurred_at, event_id, line_no);
    a movement adds its signed quantity; a count sets the balance.

What was known at an instant is the fold of the records until then. `settled_at` keeps that cheap
to read: a balance is the one known at an instant if it was settled by then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, TypeAlias

from projections.entries import list_entries, reversed_event_id
from stream.events import StockEvent

Reversals: TypeAlias = Mapping[tuple[str, str], datetime]
"""(facility_id, event_id) → since when an event says that it reverses that one."""


class Recorded(NamedTuple):
    """An event as the log holds it, by its partition's order; `body` is its JSON.

    `set_aside`: our code failed to apply it, and it isn't replayed. It gives no rows, but its id is
    taken, so that what comes of other records doesn't depend on whether it ever is.
    """

    event: StockEvent
    content_sha256: bytes
    recorded_at: datetime
    log_offset: int
    partition: int = 0
    body: bytes = b""
    set_aside: bool = False


class Card(NamedTuple):
    """A stock card (facility, item, lot); lot '' is the item's unrecorded lot."""

    facility_id: str
    item_id: str
    lot: str


class LedgerEntry(NamedTuple):
    """One entry of a card, in fold order. line_no 0: implied by a complete count."""

    occurred_at: datetime
    event_id: str
    line_no: int
    is_count: bool
    quantity: int
    balance: int
    recorded_at: datetime
    reversed_at: datetime | None
    expiry: date | None
    settled_at: datetime | None
    """Since when the balance is known to be this, where that is later than recorded_at."""


class CardBalance(NamedTuple):
    on_hand: int
    expiry: date | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a set of events gives; `projections.definition_rows` has it as rows of tables."""

    events: dict[tuple[str, str], Recorded]
    conflicts: list[Recorded]
    reversed_at: dict[tuple[str, str], datetime]
    entries: dict[Card, list[LedgerEntry]]
    cards: dict[Card, CardBalance]


NOTHING: Final = Ledger({}, [], {}, {}, {})


def every_item(_item_id: str) -> bool:
    return True


def fold(
    records: Iterable[Recorded],
    *,
    reversals: Reversals | None = None,
    takes: Callable[[str], bool] = every_item,
) -> Ledger:
    """Fold records of any facilities. Those of one facility must come in log order.

    Args:
        reversals: of all their events, where `records` are but a part of these.
        takes: the items whose entries are wanted; all records about them must be there.
    """
    events, conflicts = _first_of_each_id(records)
    if reversals is None:
        reversals = list_reversals(events.values())
    reversed_at = _find_reversed(events, reversals)
    entries = _list_card_entries(events, reversed_at, takes)
    balanced = {card: _balance(lines) for card, lines in entries.items()}
    return Ledger(
        events=events,
        conflicts=conflicts,
        reversed_at=reversed_at,
        entries=balanced,
        cards={card: _state(lines) for card, lines in balanced.items()},
    )


def _first_of_each_id(
    records: Iterable[Recorded],
) -> tuple[dict[tuple[str, str], Recorded], list[Recorded]]:
    """The first recorded of each id, and those that contradict it; the rest are repetitions."""
    events: dict[tuple[str, str], Recorded] = {}
    conflicts = []
    for record in records:
        first = events.setdefault((record.event.facility_id, record.event.event_id), record)
        if record.content_sha256 != first.content_sha256 and not record.set_aside:
            conflicts.append(record)
    return {key: first for key, first in events.items() if not first.set_aside}, conflicts


def list_reversals(records: Iterable[Recorded]) -> dict[tuple[str, str], datetime]:
    """What these records reverse, whether it is there or not. Of each id the first recorded."""
    reversals: dict[tuple[str, str], datetime] = {}
    for record in records:
        target = reversed_event_id(record.event)
        if target is not None:
            key = (record.event.facility_id, target)
            reversals[key] = min(record.recorded_at, reversals.get(key, record.recorded_at))
    return reversals


def _find_reversed(
    events: dict[tuple[str, str], Recorded], reversals: Reversals
) -> dict[tuple[str, str], datetime]:
    """Which events are reversed, and since when that is known. A reversal can't be reversed."""
    return {
        key: at
        for key, at in reversals.items()
        if key in events and events[key].event.type != "event_reversed"
    }


def _list_card_entries(
    events: dict[tuple[str, str], Recorded],
    reversed_at: dict[tuple[str, str], datetime],
    takes: Callable[[str], bool],
) -> dict[Card, list[LedgerEntry]]:
    entries: dict[Card, list[LedgerEntry]] = {}
    for key, record in events.items():
        event = record.event
        for item_id, lot, line_no, is_count, quantity, expiry in list_entries(event):
            if not takes(item_id):
                continue
            entries.setdefault(Card(event.facility_id, item_id, lot), []).append(
                LedgerEntry(
                    event.occurred_at,
                    event.event_id,
                    line_no,
                    is_count,
                    quantity,
                    0,
                    record.recorded_at,
                    reversed_at.get(key),
                    expiry,
                    None,
                )
            )
    for key, record in events.items():
        if record.event.type == "stock_counted" and record.event.complete:
            _imply_zeros(entries, record, reversed_at.get(key))
    return entries


def _imply_zeros(
    entries: dict[Card, list[LedgerEntry]], record: Recorded, reversed_at: datetime | None
) -> None:
    """A complete count found nothing on every card of its items that it doesn't name."""
    event = record.event
    lines = list_entries(event)
    named = {Card(event.facility_id, item_id, lot) for item_id, lot, *_ in lines}
    items = {item_id for item_id, *_ in lines}
    for card, card_entries in entries.items():
        if card.facility_id == event.facility_id and card.item_id in items and card not in named:
            card_entries.append(
                LedgerEntry(
                    event.occurred_at,
                    event.event_id,
                    0,
                    True,
                    0,
                    0,
                    record.recorded_at,
                    reversed_at,
                    None,
                    None,
                )
            )


def _balance(entries: list[LedgerEntry]) -> list[LedgerEntry]:
    balance, settled_at = 0, datetime.min.replace(tzinfo=UTC)
    balanced = []
    for entry in sorted(entries, key=lambda e: (e.occurred_at, e.event_id, e.line_no)):
        if entry.is_count and entry.reversed_at is None:
            balance, settled_at = entry.quantity, entry.recorded_at
        else:
            balance += entry.quantity if entry.reversed_at is None else 0
            settled_at = max(settled_at, entry.recorded_at, entry.reversed_at or entry.recorded_at)
        settled_later = settled_at if settled_at > entry.recorded_at else None
        balanced.append(entry._replace(balance=balance, settled_at=settled_later))
    return balanced


def _state(entries: list[LedgerEntry]) -> CardBalance:
    expiries = [e.expiry for e in entries if e.expiry is not None and e.reversed_at is None]
    return CardBalance(entries[-1].balance, min(expiries, default=None))
