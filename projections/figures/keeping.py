"""Keeping figures right in the transaction of the events that change them.

What is usual takes three statements a transaction: what was used, whether a facility is silent no
more, and the states of the items touched. Only where an item ran out or came back, or something
came late, is its history looked at.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, Final

import asyncpg

from projections.arrivals import Arrival
from projections.cards import CardKey, CardState, Fold, Lines
from projections.figures.consumption import put_consumption
from projections.figures.days import india_midnight, india_today
from projections.figures.evaluating import evaluate_whole
from projections.figures.first_facts import tell_first_facts
from projections.figures.places import bring_to_day, count_anew, find_heard
from projections.figures.rating import rate
from projections.figures.states import Flagged, tell_states
from projections.figures.stock_outs import BEGINNING, Pair, refold_stock_outs
from projections.figures.undoing import Undone
from projections.rows import Before
from stream.events import LoggedLotHeld, LoggedLotReleased, StockEvent

HOLDS: Final = ("lot_held", "lot_released")


@dataclass(slots=True)
class Changes:
    """What a transaction's events did, as the ledger found out.

    `unheard_of`: items of `lines` of which nothing was known before; `expiry_moved`: items of lots
    whose expiry is another one than before, from when on that can matter.
    """

    applied: Sequence[Arrival]
    lines: Lines
    fold: Fold
    before: Before
    unheard_of: set[Pair]
    undone: Undone
    expiry_moved: dict[Pair, datetime] = field(default_factory=dict)


def note_expiries(
    expiry_moved: dict[Pair, datetime],
    known: Mapping[CardKey, CardState],
    cards: Mapping[CardKey, CardState],
) -> None:
    """Lots that were known with another expiry, or with none, and of which one has passed."""
    today = india_today()
    for card, (_, before, _) in known.items():
        after = cards[card][1]
        if after != before and after is not None and (first := min(after, before or after)) < today:
            _note(expiry_moved, card[:2], india_midnight(first + timedelta(days=1)))


async def keep_figures(
    connection: "asyncpg.Connection[Any]", changes: Changes, item_nos: Mapping[str, int]
) -> None:
    """Bring the figures to where the ledger is, within its transaction."""
    undone = changes.undone
    consumption = await put_consumption(
        connection, changes.applied, item_nos, undone, changes.unheard_of
    )
    since: dict[Pair, datetime] = dict(changes.expiry_moved)
    applied = ((arrival.facility_no, arrival.event) for arrival in changes.applied)
    for facility_no, item_no, at in _list_holds(applied, item_nos):
        _note(since, (facility_no, item_no), at)
    for facility_no, item_no, at in _list_holds(undone.events, undone.item_nos):
        _note(since, (facility_no, item_no), at)
    for card, (occurred_at, _, _) in changes.fold.late.items():
        _note(since, card[:2], occurred_at)
    whole = await _look_at_places(connection, changes)
    told = changes.unheard_of.difference(since, _list_reversed(changes.applied, item_nos))
    await tell_first_facts(connection, changes.lines, changes.fold, told)
    first_new = _first_new(changes.lines, told)
    used_on = _first_used(consumption.items, told)
    # What is folded again is told after that, once.
    pairs = dict.fromkeys(pair for pair in (*first_new, *used_on) if pair not in since)
    flagged = await tell_states(connection, pairs, first_new, used_on)
    await _look_closer(connection, flagged, changes.fold, first_new, since)
    if whole:
        await evaluate_whole(connection, whole, apart=told)


async def _look_closer(
    connection: "asyncpg.Connection[Any]",
    flagged: Sequence[Flagged],
    fold: Fold,
    first_new: Mapping[Pair, datetime],
    since: dict[Pair, datetime],
) -> None:
    """Fold the stock-outs of items again that may have run out or come back; rate them anew."""
    # Items of which one new entry emptied a card, or left something on one.
    emptied: set[Pair] = set()
    filled: set[Pair] = set()
    for card, _, _, balance, _ in fold.entries:
        if (pair := card[:2]) in first_new:
            (filled if balance > 0 else emptied).add(pair)
    states = {(each.facility_no, each.item_no): each for each in flagged}
    several = _list_several(fold) if any(each.has_unusable for each in flagged) else set()
    for pair, each in states.items():
        if (
            each.is_late
            or each.has_crossed
            or (each.has_unusable and pair in several)
            or (each.is_new and pair in emptied)
        ):
            _note(since, pair, first_new.get(pair, BEGINNING))
    for pair in emptied & filled:
        _note(since, pair, first_new[pair])
    for pair in since.keys() & first_new.keys():
        _note(since, pair, first_new[pair])  # it may have run out by what came in order, too
    await refold_stock_outs(connection, since)
    anew = {pair for pair, each in states.items() if each.is_new or each.is_used_late}
    anew |= since.keys()
    await rate(connection, anew)
    await tell_states(connection, anew)


async def _look_at_places(
    connection: "asyncpg.Connection[Any]", changes: Changes
) -> Collection[int]:
    """Facilities that were counted for the first time, or that are silent no more.

    They are brought up to date; all their items are to be told anew.
    """
    applied = ((arrival.facility_no, arrival.event) for arrival in changes.applied)
    counted = {
        facility_no
        for facility_no, event in chain(applied, changes.undone.events)
        if event.type == "stock_counted" and event.complete
    }
    whole: set[int] = set()
    if counted:
        whole.update(await count_anew(connection, counted))
    if changes.before.silent:
        whole.update(await find_heard(connection, changes.before.silent))
    if whole:
        await bring_to_day(connection, list(whole), None)
    return whole


def _list_holds(
    events: Iterable[tuple[int, StockEvent]], item_nos: Mapping[str, int]
) -> list[tuple[int, int, datetime]]:
    return [
        (facility_no, item_nos[event.item_id], event.occurred_at)
        for facility_no, event in events
        if event.type in HOLDS  # an isinstance check that fails is dear
        and isinstance(event, LoggedLotHeld | LoggedLotReleased)
    ]


def _list_reversed(applied: Iterable[Arrival], item_nos: Mapping[str, int]) -> set[Pair]:
    """Items of events that were reversed before they came, or that came with their reversal."""
    return {
        (arrival.facility_no, item_nos[entry[0]])
        for arrival in applied
        if arrival.reversed_at is not None
        for entry in arrival.entries
    }


def _first_new(lines: Lines, apart: Collection[Pair]) -> dict[Pair, datetime]:
    first: dict[Pair, datetime] = {}
    for card, of_card in lines.items():
        if (pair := card[:2]) not in apart:
            _note(first, pair, of_card[0][0][0])  # sorted by the fold
    return first


def _first_used(used: Iterable[tuple[int, int, date]], apart: Collection[Pair]) -> dict[Pair, date]:
    first: dict[Pair, date] = {}
    for facility_no, item_no, day in used:
        if (pair := (facility_no, item_no)) in apart:
            continue
        known = first.get(pair)
        if known is None or day < known:
            first[pair] = day
    return first


def _list_several(fold: Fold) -> set[Pair]:
    """Items that have several new entries."""
    entries = Counter(card[:2] for card, _, _, _, _ in fold.entries)
    return {pair for pair, count in entries.items() if count > 1}


def _note(since: dict[Pair, datetime], pair: Pair, at: datetime) -> None:
    known = since.get(pair)
    if known is None or at < known:
        since[pair] = at
