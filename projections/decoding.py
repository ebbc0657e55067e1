"""Records → what the projector can apply, or why it can't."""

from collections.abc import Callable, Mapping
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
    """A record batch with its items, one a record, in offset order."""

    topic: str
    partition: int
    epoch: int
    items: list[Item]
    weight: int
    """Ledger lines, or one for what has none: what a transaction's size is counted in."""


def decode_batch(batch: RecordBatch) -> DecodedBatch:
    """Raises `NewerSchema`: that record isn't at fault, this program is too old."""
    decode = DECODERS[batch.topic]
    items: list[Item] = []
    weight = 0
    for record in batch.records:
        try:
            item = decode(record)
            weight += len(item.entries) or 1 if isinstance(item, Arrival) else 1
            items.append(item)
        except Undecodable as error:
            items.append(Undecoded(record, "undecodable", error.detail))
        except PROGRAM_FAULTS as error:
            log.exception("a record could not be decoded", record=str(record))
            items.append(Undecoded(record, "failed", f"{type(error).__name__}: {error}"))
    return DecodedBatch(batch.topic, batch.partition, batch.epoch, items, weight)
