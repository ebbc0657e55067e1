"""Folding new entries onto stock cards, where they come after all that the card holds.

That is the usual case. An entry that comes earlier than the card's last one is given back as a
place to refold from; `projections.refold` does that in the database. Pure: no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from projections.arrivals import Arrival
from projections.entries import Entry

CardKey: TypeAlias = tuple[int, int, str]
"""(facility_no, item_no, lot). Plain tuples here: this is the projector's innermost loop."""

FoldKey: TypeAlias = tuple[datetime, str, int]
"""(occurred_at, event_id, line_no): the order of a card's entries. event_id in lower case, whose
order as text is that of its bytes, and so Postgres's."""

CardState: TypeAlias = tuple[int, date | None, FoldKey]
"""(on_hand, expiry, key of the last entry); expiry is the earliest that an unreversed fact gave."""

BalancedEntry: TypeAlias = tuple[CardKey, Arrival, Entry, int, datetime | None]
"""The last two: the card's balance after the entry, and since when that is known, if later than
the entry is."""


@dataclass(slots=True)
class Fold:
    """What a batch does: the entries to insert, the cards as they are then, and what is late."""

    entries: list[BalancedEntry] = field(default_factory=list)
    cards: dict[CardKey, CardState] = field(default_factory=dict)
    late: dict[CardKey, FoldKey] = field(default_factory=dict)
    """Cards whose balances and state must be refolded, from this entry on."""


Lines: TypeAlias = dict[CardKey, list[tuple[FoldKey, Arrival, Entry]]]


def group_by_card(arrivals: Iterable[Arrival], item_nos: Mapping[str, int]) -> Lines:
    """The arrivals' entries by card, those of one in no order.

    The cards are in the order of their keys, and so is all that is asked and written about them:
    neighbours are on the same pages of tables and indexes.
    """
    by_card: Lines = {}
    for arrival in arrivals:
        facility_no = arrival.facility_no
        event_id, occurred_at = arrival.event.event_id, arrival.event.occurred_at
        for entry in arrival.entries:
            card = (facility_no, item_nos[entry[0]], entry[1])
            line = ((occurred_at, event_id, entry[2]), arrival, entry)
            lines = by_card.get(card)
            if lines is None:
                by_card[card] = [line]
            else:
                lines.append(line)
    return dict(sorted(by_card.items()))


def fold_in_order(by_card: Lines, known: Mapping[CardKey, CardState]) -> Fold:
    """Fold new entries onto the known cards (absent: a new card), card after card.

    They are taken to be recorded after all that the cards hold. For a late card what is given from
    the late entry on are placeholders.
    """
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
    settled_at = lines[0][1].recorded_at
    for _, arrival, entry in lines:
        recorded_at = arrival.recorded_at
        if arrival.reversed_at is None:
            _, _, _, is_count, quantity, line_expiry = entry
            balance = quantity if is_count else balance + quantity
            if is_count or settled_at < recorded_at:
                settled_at = recorded_at
            if line_expiry is not None:
                expiry = line_expiry if expiry is None else min(expiry, line_expiry)
        else:
            settled_at = max(settled_at, recorded_at, arrival.reversed_at)
        settled_later = settled_at if settled_at > recorded_at else None
        fold.entries.append((card, arrival, entry, balance, settled_later))
    newest = lines[-1][0]
    fold.cards[card] = (balance, expiry, newest if last is None or newest > last else last)


def _fold_key(line: tuple[FoldKey, Arrival, Entry]) -> FoldKey:
    return line[0]
