"""Of what facility, events and day figures are the figures, as their definition takes them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from projections.definition import Card, Ledger, LedgerEntry, every_item
from projections.reference_book import ReferenceBook
from stream.events import LoggedLotHeld, LoggedLotReleased, LoggedStockCounted, StockEvent
from stream.reference import LoggedFacility

Hold = LoggedLotHeld | LoggedLotReleased


@dataclass(frozen=True)
class Whole:
    """What items' figures need to know of all their facility's events."""

    counted_at: datetime | None = None
    """Of its first complete count."""

    heard_at: datetime | None = None
    """When its newest event was recorded."""


@dataclass(frozen=True)
class Place:
    """A facility's own events, as the ledger has them, and the day that its figures are of.

    `whole` is given where the ledger has but a part of the facility's events: all about the items
    that `takes` takes. Only these items' figures are right then.
    """

    facility_id: str
    partition: int
    evaluated_on: date
    ledger: Ledger
    book: ReferenceBook
    takes: Callable[[str], bool] = every_item
    whole: Whole | None = None

    @cached_property
    def known(self) -> Whole:
        return self.whole or find_whole(self)

    @cached_property
    def standing(self) -> list[StockEvent]:
        """Unreversed events."""
        ledger = self.ledger
        return [r.event for key, r in ledger.events.items() if key not in ledger.reversed_at]

    @cached_property
    def facility(self) -> LoggedFacility | None:
        return self.book.facility(self.facility_id, self.evaluated_on)

    @cached_property
    def cards(self) -> dict[str, dict[Card, list[LedgerEntry]]]:
        """item_id → its cards' entries."""
        cards: dict[str, dict[Card, list[LedgerEntry]]] = {}
        for card, entries in self.ledger.entries.items():
            cards.setdefault(card.item_id, {})[card] = entries
        return cards

    @cached_property
    def holds(self) -> dict[str, list[Hold]]:
        """item_id → its holds and releases, in order."""
        holds: dict[str, list[Hold]] = {}
        for event in self.standing:
            if isinstance(event, LoggedLotHeld | LoggedLotReleased):
                holds.setdefault(event.item_id, []).append(event)
        for of_item in holds.values():
            of_item.sort(key=lambda event: (event.occurred_at, event.event_id))
        return holds


def split_ledger(ledger: Ledger) -> dict[str, Ledger]:
    """facility_id → the part of the ledger that is its own."""
    parts: dict[str, Ledger] = {}
    for key, record in ledger.events.items():
        part = parts.setdefault(key[0], Ledger({}, [], {}, {}, {}))
        part.events[key] = record
        if key in ledger.reversed_at:
            part.reversed_at[key] = ledger.reversed_at[key]
    for card, entries in ledger.entries.items():
        parts[card.facility_id].entries[card] = entries
        parts[card.facility_id].cards[card] = ledger.cards[card]
    return parts


def find_whole(place: Place) -> Whole:
    """By the ledger, which must have all events, or those of which this is wanted."""
    complete = (e for e in place.standing if isinstance(e, LoggedStockCounted) and e.complete)
    heard = (record.recorded_at for record in place.ledger.events.values())
    return Whole(
        min((event.occurred_at for event in complete), default=None), max(heard, default=None)
    )
