"""A batch of events → rows, set-based, within the caller's transaction.

Whatever the order, batching and repetition in which events come, the rows end up the same: they
are those of `projections.definition`. What is in order is folded here from the cards' state; the
rest is handed to `projections.refold`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from projections.arrivals import Arrival
from projections.cards import (
    CardKey,
    CardState,
    FoldKey,
    Lines,
    fold_in_order,
    group_by_card,
)
from projections.companions import write_companions
from projections.entries import reversed_event_id
from projections.figures.keeping import Changes, keep_figures, note_expiries
from projections.figures.stock_outs import BEGINNING, Pair
from projections.figures.undoing import find_undone
from projections.refold import CompleteCount, imply_zeros, merge_late, refold, reverse_events
from projections.rows import write_rows

# An id is taken by the event that was applied, or by one that our code failed to apply before.
FIND_KNOWN: Final = """
SELECT wanted.facility_no, wanted.event_id, coalesce(event.content_sha256, failed.content_sha256),
       CASE WHEN event.event_id IS NULL THEN failed.log_offset ELSE -1 END, reversal.recorded_at
FROM unnest($1::int[], $2::uuid[], $3::text[], $4::bigint[])
     AS wanted(facility_no, event_id, facility_id, log_offset)
LEFT JOIN event
  ON event.facility_no = wanted.facility_no AND event.event_id = wanted.event_id
LEFT JOIN LATERAL (
    SELECT letter.content_sha256, letter.log_offset FROM dead_letter AS letter
    WHERE letter.facility_id = wanted.facility_id AND letter.event_id = wanted.event_id
      AND letter.kind = 'failed' AND letter.log_offset < wanted.log_offset
    ORDER BY letter.log_offset LIMIT 1
) AS failed ON true
LEFT JOIN LATERAL (
    SELECT min(recorded_at) AS recorded_at FROM reversal
    WHERE reversal.facility_no = wanted.facility_no AND reversed_id = wanted.event_id
) AS reversal ON true
WHERE event.event_id IS NOT NULL OR failed.content_sha256 IS NOT NULL
   OR reversal.recorded_at IS NOT NULL
"""

# Also cards that don't exist, where something is known of their item: it has a state, a complete
# count said something of it, or lots of it are held or recalled. OFFSET 0: each is one look-up, not
# a table read whole because it was empty when the statement was planned.
FIND_CARDS: Final = """
SELECT wanted.facility_no, wanted.item_no, wanted.lot, on_hand, expiry, occurred_at, event_id,
       line_no, CASE WHEN card.facility_no IS NULL THEN EXISTS (
           SELECT FROM complete_count AS counted
           WHERE counted.facility_no = wanted.facility_no AND counted.item_no = wanted.item_no
           OFFSET 0
       ) END AS is_counted
FROM unnest($1::int[], $2::int[], $3::text[]) AS wanted(facility_no, item_no, lot)
LEFT JOIN card ON card.facility_no = wanted.facility_no AND card.item_no = wanted.item_no
              AND card.lot = wanted.lot
WHERE card.facility_no IS NOT NULL OR EXISTS (
    SELECT FROM item_state AS state
    WHERE state.facility_no = wanted.facility_no AND state.item_no = wanted.item_no OFFSET 0
) OR EXISTS (
    SELECT FROM complete_count AS counted
    WHERE counted.facility_no = wanted.facility_no AND counted.item_no = wanted.item_no OFFSET 0
) OR EXISTS (
    SELECT FROM lot_hold AS hold
    WHERE hold.facility_no = wanted.facility_no AND hold.item_no = wanted.item_no OFFSET 0
) OR wanted.item_no = ANY (ARRAY(
    SELECT item_no FROM recall_record JOIN item_number USING (item_id)
))
"""

Pairs: TypeAlias = set[Pair]

Taken: TypeAlias = tuple[bytes, int]
"""The content of the event that has an id, and the offset of the record after which it is taken:
-1 where the event is applied."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch's events; the others were applied before, with the same content."""

    applied: Sequence[Arrival]
    conflicts: Sequence[Arrival]


async def project_events(
    connection: "asyncpg.Connection[Any]",
    arrivals: Sequence[Arrival],
    item_nos: Mapping[str, int],
) -> Outcome:
    """Apply events in log order. Their facilities' partitions must be held by this transaction.

    Args:
        arrivals: with `facility_no` set; `reversed_at` is set here.
        item_nos: the number of every item that they name (`companions.named_items`).
    """
    taken, reversed_before = await _find_known(connection, arrivals)
    outcome = _sort_out(arrivals, taken)
    if not outcome.applied:
        return outcome
    old = _reverse_new(outcome.applied, reversed_before)
    by_card = group_by_card(outcome.applied, item_nos)
    known, counted, unheard_of = await _find_cards(connection, by_card)
    fold = fold_in_order(by_card, known)
    undone = await find_undone(connection, old)
    before = await write_rows(connection, outcome.applied, fold, known)
    changes = Changes(outcome.applied, by_card, fold, before, unheard_of, undone)
    note_expiries(changes.expiry_moved, known, fold.cards)
    merge_late(fold.late, _list_replayed(by_card, before.replayed))
    await write_companions(connection, outcome.applied, item_nos)
    await _write_reversals(connection, outcome.applied)
    if old:
        late, moved = await reverse_events(connection, old)
        merge_late(fold.late, late)
        changes.expiry_moved.update(dict.fromkeys(moved, BEGINNING))
    counts = await _write_complete_counts(connection, outcome.applied, item_nos)
    if counts or counted:
        merge_late(fold.late, await imply_zeros(connection, counts, counted))
    if fold.late:
        await refold(connection, fold.late)
    await keep_figures(connection, changes, item_nos)
    return outcome


async def _find_known(
    connection: "asyncpg.Connection[Any]", arrivals: Sequence[Arrival]
) -> tuple[dict[tuple[int, UUID], Taken], dict[tuple[int, UUID], datetime]]:
    """Which ids are taken, and reversals that came before their events."""
    rows = await connection.fetch(
        FIND_KNOWN,
        [arrival.facility_no for arrival in arrivals],
        [arrival.event_id for arrival in arrivals],
        [arrival.event.facility_id for arrival in arrivals],
        [arrival.record.offset for arrival in arrivals],
    )
    taken: dict[tuple[int, UUID], Taken] = {}
    reversed_before: dict[tuple[int, UUID], datetime] = {}
    for facility_no, event_id, content, log_offset, reversed_at in rows:
        if content is not None:
            taken[facility_no, event_id] = (content, log_offset)
        if reversed_at is not None:
            reversed_before[facility_no, event_id] = reversed_at
    return taken, reversed_before


def _sort_out(arrivals: Sequence[Arrival], taken: Mapping[tuple[int, UUID], Taken]) -> Outcome:
    """New events and conflicts; the first recorded of an id stands."""
    first: dict[tuple[int, UUID], bytes] = {}
    applied: list[Arrival] = []
    conflicts: list[Arrival] = []
    for arrival in arrivals:
        key = (arrival.facility_no, arrival.event_id)
        content = first.get(key)
        if content is None and key in taken:
            content, log_offset = taken[key]
            if log_offset > arrival.record.offset:  # taken by a failed record of this very batch
                content = None
        if content is None:
            first[key] = arrival.content_sha256
            applied.append(arrival)
        elif content != arrival.content_sha256:
            conflicts.append(arrival)
    return Outcome(applied, conflicts)


def _reverse_new(
    applied: Sequence[Arrival], reversed_before: Mapping[tuple[int, UUID], datetime]
) -> dict[tuple[int, UUID], datetime]:
    """Mark the arrivals that are reversed; return the reversals of events applied before."""
    reversals: dict[tuple[int, UUID], datetime] = {}
    for arrival in applied:
        reversed_id = reversed_event_id(arrival.event)
        if reversed_id is not None:
            reversals.setdefault((arrival.facility_no, UUID(reversed_id)), arrival.recorded_at)
    for arrival in applied:
        key = (arrival.facility_no, arrival.event_id)
        reversed_at = reversed_before.get(key) or reversals.get(key)
        if arrival.event.type != "event_reversed":
            arrival.reversed_at = reversed_at
        reversals.pop(key, None)
    return reversals


async def _find_cards(
    connection: "asyncpg.Connection[Any]", cards: Collection[CardKey]
) -> tuple[dict[CardKey, CardState], set[CardKey], Pairs]:
    """The cards that exist; the cards to come that a complete count has already emptied; and the
    items of which nothing is known yet.
    """
    known: dict[CardKey, CardState] = {}
    counted: set[CardKey] = set()
    unheard_of = {(facility_no, item_no) for facility_no, item_no, _ in cards}
    if not cards:
        return known, counted, unheard_of
    for row in await connection.fetch(FIND_CARDS, *zip(*cards, strict=True)):
        facility_no, item_no, lot, on_hand, expiry, occurred_at, event_id, line_no, is_counted = row
        unheard_of.discard((facility_no, item_no))
        if on_hand is not None:
            last = (occurred_at, str(event_id), line_no)
            known[facility_no, item_no, lot] = (on_hand, expiry, last)
        elif is_counted:
            counted.add((facility_no, item_no, lot))
    return known, counted, unheard_of


def _list_replayed(by_card: Lines, replayed: Collection[int]) -> dict[CardKey, FoldKey]:
    """Where to refold the cards on which replayed records have lines."""
    if not replayed:
        return {}
    return {
        card: min(key for key, _, _ in lines)
        for card, lines in by_card.items()
        if card[0] in replayed
    }


async def _write_reversals(
    connection: "asyncpg.Connection[Any]", applied: Sequence[Arrival]
) -> None:
    rows = [
        (arrival.facility_no, reversed_id, arrival.event_id, arrival.recorded_at)
        for arrival in applied
        if (reversed_id := reversed_event_id(arrival.event)) is not None
    ]
    if rows:
        await connection.copy_records_to_table("reversal", records=rows)


async def _write_complete_counts(
    connection: "asyncpg.Connection[Any]",
    applied: Sequence[Arrival],
    item_nos: Mapping[str, int],
) -> Collection[CompleteCount]:
    """Remember of which items complete counts are, and return that."""
    rows = {
        (arrival.facility_no, item_nos[entry[0]], arrival.event.occurred_at, arrival.event_id)
        for arrival in applied
        if arrival.event.type == "stock_counted" and arrival.event.complete
        for entry in arrival.entries
    }
    if rows:
        await connection.copy_records_to_table("complete_count", records=list(rows))
    return rows
