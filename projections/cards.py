"""Folding new entries onto stock cards, where they come after all that the card holds.

That is the usual case. An entry that comes earlier than the card's last one is given back as a
place to refold from; `projections.refold` does that in the database. Pure: no I/O.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from projections.arrivals import Arrival
from projections.entries import Entry


class CardKey(NamedTuple):
    facility_no: int
    item_no: int
    lot: str


FoldKey: TypeAlias = tuple[datetime, str, int]
"""(occurred_at, event_id, line_no): the order of a card's entries. event_id in lower case, whose
order as text is that of its bytes, and so Postgres's."""


class CardState(NamedTuple):
    """A card after its last entry; `expiry` is the earliest of its unreversed facts."""

    on_hand: int
    expiry: date | None
    last: FoldKey


class NewEntry(NamedTuple):
    arrival: Arrival
    entry: Entry
    balance: int


@dataclass(slots=True)
class Fold:
    """What a batch does: the entries to insert, the cards as they are then, and what is late."""

    entries: list[tuple[CardKey, NewEntry]] = field(default_factory=list)
    cards: dict[CardKey, CardState] = field(default_factory=dict)
    late: dict[CardKey, FoldKey] = field(default_factory=dict)
    """Cards whose balances and state must be refolded, from this entry on."""


def fold_in_order(
    known: Mapping[CardKey, CardState], arrivals: Iterable[Arrival], item_nos: Mapping[str, int]
) -> Fold:
    """Fold the arrivals' entries onto the known cards (absent: a new card).

    For a late card the balances given from the late entry on are placeholders.
    """
    by_card: defaultdict[CardKey, list[tuple[FoldKey, Arrival, Entry]]] = defaultdict(list)
    for arrival in arrivals:
        event_id, occurred_at = arrival.event.event_id, arrival.event.occurred_at
        for entry in arrival.entries:
            key = CardKey(arrival.facility_no, item_nos[entry.item_id], entry.lot)
            by_card[key].append(((occurred_at, event_id, entry.line_no), arrival, entry))
    fold = Fold()
    for card, lines in by_card.items():
        _fold_card(fold, card, known.get(card), lines)
    return fold


def _fold_card(
    fold: Fold,
    card: CardKey,
    state: CardState | None,
    lines: list[tuple[FoldKey, Arrival, Entry]],
) -> None:
    if len(lines) > 1:
        lines.sort(key=_fold_key)
    balance, expiry, last = (0, None, None) if state is None else state
    if last is not None and lines[0][0] <= last:
        fold.late[card] = lines[0][0]
    for _, arrival, entry in lines:
        if arrival.reversed_at is None:
            balance = entry.quantity if entry.is_count else balance + entry.quantity
            expiry = earliest(expiry, entry.expiry)
        fold.entries.append((card, NewEntry(arrival, entry, balance)))
    newest = lines[-1][0]
    fold.cards[card] = CardState(
        balance, expiry, newest if last is None or newest > last else last
    )


def _fold_key(line: tuple[FoldKey, Arrival, Entry]) -> FoldKey:
    return line[0]


def earliest(one: date | None, other: date | None) -> date | None:
    """The earlier of two expiry dates, of which either may be unknown."""
    if one is None or other is None:
        return one or other
    return min(one, other)
