"""Records → what the projector can apply, or why it can't."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

import structlog

from projections.alerts import AlertArrival, decode_alert_arrival
from projections.arrivals import Arrival, decode_arrival
from projections.reference import ReferenceArrival, decode_reference_arrival
from stream.batches import LogRecord, RecordBatch
from stream.errors import Undecodable
from stream.reference import LetterKind
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS

log = structlog.get_logger()

PROJECTED_TOPICS: Final = (STOCK_EVENTS, REFERENCE, ALERT_EVENTS)

PROGRAM_FAULTS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What one odd record can cause in our own code."""


@dataclass(slots=True)
class Undecoded:
    """A record that is no event, with the reason; `recorded_at` is set when its turn comes."""

    record: LogRecord
    kind: LetterKind
    reason: str
    recorded_at: datetime = field(init=False)


Item: TypeAlias = Arrival | ReferenceArrival | AlertArrival | Undecoded

DECODERS: Final[Mapping[str, Callable[[LogRecord], Item]]] = {
    STOCK_EVENTS: decode_arrival,
    REFERENCE: decode_reference_arrival,
    ALERT_EVENTS: decode_alert_arrival,
}


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """A record batch, or a piece of one, with its items, one a record, in offset order."""

    topic: str
    partition: int
    epoch: int
    items: list[Item]
    weight: int
    """Ledger lines, or one for what has none: what a transaction's size is counted in."""


def decode_batch(batch: RecordBatch) -> DecodedBatch:
    """Raises `NewerSchema`: that record isn't at fault, this program is too old."""
    decode = DECODERS[batch.topic]
    return _gather(batch, [_decode(decode, record) for record in batch.records])


def decode_pieces(batch: RecordBatch, lines: int) -> Iterator[DecodedBatch]:
    """The batch in pieces, each decoded as it is asked for; raises as `decode_batch`.

    Args:
        lines: a piece ends with the record that brings it there. A batch may have hundreds of
            times as many as another: 1 or 200 of them are in an event.
    """
    decode = DECODERS[batch.topic]
    items: list[Item] = []
    weight = 0
    for record in batch.records:
        items.append(item := _decode(decode, record))
        weight += _weigh(item)
        if weight >= lines:
            yield _gather(batch, items)
            items, weight = [], 0
    if items:
        yield _gather(batch, items)


def _decode(decode: Callable[[LogRecord], Item], record: LogRecord) -> Item:
    try:
        return decode(record)
    except Undecodable as error:
        return Undecoded(record, "undecodable", error.detail)
    except PROGRAM_FAULTS as error:
        log.exception("a record could not be decoded", record=str(record))
        return Undecoded(record, "failed", f"{type(error).__name__}: {error}")


def _weigh(item: Item) -> int:
    return len(item.entries) or 1 if isinstance(item, Arrival) else 1


def _gather(batch: RecordBatch, items: list[Item]) -> DecodedBatch:
    weight = sum(map(_weigh, items))
    return DecodedBatch(batch.topic, batch.partition, batch.epoch, items, weight)
