"""Which records of a batch are applied, and which are set aside before that."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from projections.alerts import AlertArrival
from projections.arrivals import Arrival
from projections.dead_letters import DeadLetter, discarded, failed
from projections.decisions import Place
from projections.decoding import Item, Undecoded
from projections.reference import ReferenceArrival
from stream.reference import LetterKind, LoggedDecision
from stream.topics import partition_for

NOTHING: Mapping[Place, LetterKind] = {}


class SortedOut(NamedTuple):
    """What is to be applied, and the letters of what can't or must not be."""

    arrivals: list[Arrival]
    references: list[ReferenceArrival]
    alerts: list[AlertArrival]
    letters: list[DeadLetter]


def sort_out(
    items: Sequence[Item],
    *,
    partitions: int,
    failure: str | None = None,
    apart: Mapping[Place, LetterKind] = NOTHING,
) -> SortedOut:
    """Sort records that have their recorded_at.

    Args:
        partitions: how many the topics by facility have.
        failure: why our code could not apply them.
        apart: records that operators discarded, with the kind of their letters.
    """
    if failure is not None:
        letters = [failed(item.record, item.recorded_at, failure) for item in items]
        return SortedOut([], [], [], letters)
    items = [put_right(item, partitions) for item in items]
    letters = []
    if apart:
        letters = [letter for item in items if (letter := _discard(item, apart)) is not None]
        items = [item for item in items if _discard(item, apart) is None]
    return SortedOut(
        [item for item in items if isinstance(item, Arrival)],
        [item for item in items if isinstance(item, ReferenceArrival)],
        [item for item in items if isinstance(item, AlertArrival)],
        letters + [_letter(item) for item in items if isinstance(item, Undecoded)],
    )


def put_right(item: Item, partitions: int) -> Item:
    """The item, unless its record is in another partition than all else of its facility.

    Whoever owns that one writes the same rows, at the same time and in an order that no rebuild
    would know: what is there can't be applied. Only a foreign producer puts it there.
    """
    match item:
        case Arrival(event=event):
            key = event.facility_id
        case AlertArrival(event=event):
            key = event.subject.place
        case _:
            return item
    right = partition_for(key, partitions)
    if right == item.record.partition:
        return item
    reason = f"it is of {key}, of which all is in partition {right}"
    misplaced = Undecoded(item.record, "undecodable", reason)
    misplaced.recorded_at = item.recorded_at
    return misplaced


def _discard(item: Item, apart: Mapping[Place, LetterKind]) -> DeadLetter | None:
    """The letter of a discarded record, unless it is one anyway. Decisions are never discarded."""
    record = item.record
    kind = apart.get((record.topic, record.partition, record.offset))
    if kind is None or isinstance(item, Undecoded):
        return None
    if isinstance(item, ReferenceArrival) and isinstance(item.reference, LoggedDecision):
        return None
    return discarded(record, item.recorded_at, kind)


def _letter(item: Undecoded) -> DeadLetter:
    if item.kind == "failed":
        return failed(item.record, item.recorded_at, item.reason)
    return DeadLetter(item.record, item.recorded_at, item.kind, item.reason)
