"""The facts that the log can hold, one class a type, without who recorded them.

A field may be added to a fact only if it is optional and old records stay readable; anything else
is a new `schema_version` with an upcast (`stream.codec`). The log is for ever.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from stream.fields import (
    MAX_LINES,
    DeviceSeq,
    DocumentNo,
    EventId,
    Id,
    Instant,
    Lot,
    Name,
    Note,
    Reason,
    null_is,
    slip,
)
from stream.lines import (
    AdjustedLine,
    Contract,
    CountedLine,
    DispatchedLine,
    DispensedLine,
    IssuedLine,
    ReceivedLine,
    ReturnedLine,
    TransferReceivedLine,
)

_LINES = Field(min_length=1, max_length=MAX_LINES, strict=False)


class Fact(Contract):
    """What every event has. `note` is declared by each kind: a dispense's is private."""

    event_id: EventId
    schema_version: Annotated[Literal[1], null_is(1)] = 1
    facility_id: Id
    occurred_at: Instant
    sent_at: Instant | None = None
    device_id: Id | None = None
    device_seq: DeviceSeq | None = None
    corrects: EventId | None = None

    @model_validator(mode="after")
    def check_identity(self) -> Self:
        if self.device_seq is not None and self.device_id is None:
            raise slip("device_seq", "device_seq needs the device_id that counts")
        if self.corrects == self.event_id:
            raise slip("corrects", "an event cannot correct itself")
        return self


class NotedFact(Fact):
    note: Note | None = None


class StockReceived(NotedFact):
    type: Literal["stock_received"]
    source_kind: Literal["warehouse", "local_purchase", "donation", "programme", "other"] | None = (
        None
    )
    source_name: Name | None = None
    document_no: DocumentNo | None = None
    lines: Annotated[tuple[ReceivedLine, ...], _LINES]


class StockIssued(NotedFact):
    type: Literal["stock_issued"]
    to_kind: Literal["ward", "asha", "camp", "school", "other"]
    to_name: Name | None = None
    lines: Annotated[tuple[IssuedLine, ...], _LINES]


class TransferDispatched(NotedFact):
    type: Literal["transfer_dispatched"]
    transfer_id: Id
    to_facility_id: Id
    lines: Annotated[tuple[DispatchedLine, ...], _LINES]

    @model_validator(mode="after")
    def check_destination(self) -> Self:
        if self.to_facility_id == self.facility_id:
            raise slip("to_facility_id", "a transfer goes to another facility")
        return self


class TransferReceived(NotedFact):
    type: Literal["transfer_received"]
    transfer_id: Id
    from_facility_id: Id
    lines: Annotated[tuple[TransferReceivedLine, ...], _LINES]

    @model_validator(mode="after")
    def check_origin(self) -> Self:
        if self.from_facility_id == self.facility_id:
            raise slip("from_facility_id", "a transfer comes from another facility")
        return self


class MedicineDispensed(Fact):
    """Posted and logged forms differ in what is private: see `stream.events`."""

    type: Literal["medicine_dispensed"]
    channel: Literal["opd", "ipd", "emergency"]
    lines: Annotated[tuple[DispensedLine, ...], _LINES]


class MedicineReturned(NotedFact):
    type: Literal["medicine_returned"]
    returns_event_id: EventId | None = None
    lines: Annotated[tuple[ReturnedLine, ...], _LINES]


class StockAdjusted(NotedFact):
    type: Literal["stock_adjusted"]
    lines: Annotated[tuple[AdjustedLine, ...], _LINES]


class StockCounted(NotedFact):
    """`complete` says that every lot of each item named here was counted."""

    type: Literal["stock_counted"]
    complete: Annotated[StrictBool, null_is(False)] = False
    lines: Annotated[tuple[CountedLine, ...], _LINES]


class LotHeld(NotedFact):
    type: Literal["lot_held"]
    item_id: Id
    lot: Lot
    reason: Reason


class LotReleased(NotedFact):
    type: Literal["lot_released"]
    item_id: Id
    lot: Lot
    reason: Reason


class EventReversed(NotedFact):
    type: Literal["event_reversed"]
    reverses: EventId
    reason: Reason

    @model_validator(mode="after")
    def check_reverses(self) -> Self:
        if self.reverses == self.event_id:
            raise slip("reverses", "an event cannot reverse itself")
        return self
