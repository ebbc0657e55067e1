"""Past moments by the definition: the fold of what was known, cut where it is asked for.

Plain and slow as `projections.definition`; the queries of past moments are tested against it.
"""

from collections.abc import Iterable
from datetime import datetime

from projections.definition import Card, CardBalance, Ledger, Recorded, fold
from stream.events import LoggedLotHeld, LoggedLotReleased


def fold_known(records: Iterable[Recorded], known_at: datetime) -> Ledger:
    """All that was recorded by `known_at`, as it was understood then."""
    return fold(record for record in records if record.recorded_at <= known_at)


def list_cards(ledger: Ledger, as_of: datetime) -> dict[Card, CardBalance]:
    """Cards with an entry by `as_of`. A lot's expiry is by all facts, whenever they occurred."""
    cards = {}
    for card, entries in ledger.entries.items():
        until = [entry for entry in entries if entry.occurred_at <= as_of]
        if until:
            cards[card] = CardBalance(until[-1].balance, ledger.cards[card].expiry)
    return cards


def list_held(ledger: Ledger, as_of: datetime) -> set[Card]:
    """Lots whose last hold or release by `as_of` is a hold."""
    last: dict[Card, LoggedLotHeld | LoggedLotReleased] = {}
    for key, record in ledger.events.items():
        event = record.event
        if not isinstance(event, LoggedLotHeld | LoggedLotReleased):
            continue
        if key in ledger.reversed_at or event.occurred_at > as_of:
            continue
        card = Card(event.facility_id, event.item_id, event.lot)
        before = last.get(card, event)
        last[card] = max(before, event, key=lambda one: (one.occurred_at, one.event_id))
    return {card for card, event in last.items() if isinstance(event, LoggedLotHeld)}
