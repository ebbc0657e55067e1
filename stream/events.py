"""The event contract: `PostedEvent` is what clients send, `StockEvent` what the log holds.

A logged event is the posted one plus who recorded it. A dispense also changes on the way: the
patient becomes a pseudonym, and prescription, prescriber and note are sealed (`stream.privacy`),
so nothing about a patient is ever in the log in clear. `isinstance(event, StockReceived)` and the
like hold for both forms.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from stream.facts import (
    EventReversed,
    LotHeld,
    LotReleased,
    MedicineDispensed,
    MedicineReturned,
    StockAdjusted,
    StockCounted,
    StockIssued,
    StockReceived,
    TransferDispatched,
    TransferReceived,
)
from stream.fields import Code, DocumentNo, Id, Name, Note
from stream.lines import Contract

SEALED_LENGTH: Final = 20_000
EVENT_TYPES: Final = (
    "stock_received",
    "stock_issued",
    "transfer_dispatched",
    "transfer_received",
    "medicine_dispensed",
    "medicine_returned",
    "stock_adjusted",
    "stock_counted",
    "lot_held",
    "lot_released",
    "event_reversed",
)


class Patient(Contract):
    """Known by an id of some scheme (abha, opd, …). There is no field for a name."""

    scheme: Id
    id: Name


class Prescriber(Contract):
    name: Name
    address: Name | None = None


class PostedDispense(MedicineDispensed):
    patient: Patient | None = None
    prescription_ref: DocumentNo | None = None
    prescriber: Prescriber | None = None
    note: Note | None = None


class Sealed(Contract):
    """AES-GCM under key `key_id`: base64 of nonce, ciphertext and tag."""

    key_id: Code
    sealed: Annotated[
        str, Field(strict=True, max_length=SEALED_LENGTH, pattern=r"^[A-Za-z0-9+/]+={0,2}$")
    ]


class Logged(Contract):
    """Set by the API from the token of who posted it."""

    recorded_by: Name
    source: Code


Keyed = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9._-]{1,64}:[0-9a-f]{64}$")]
"""`key_id:hmac`: the same input gives the same value as long as the key is the same."""


PrivateField = Literal["patient", "prescription_ref", "prescriber", "note"]


class LoggedDispense(MedicineDispensed, Logged):
    patient_pseudonym: Keyed | None = None
    prescription_ref: Sealed | None = None
    prescription_hash: Keyed | None = None
    prescriber: Sealed | None = None
    note: Sealed | None = None
    left_out: Annotated[tuple[PrivateField, ...], Field(strict=False)] | None = None
    """What was posted and is not kept: the keys of its year were destroyed before."""


class LoggedStockReceived(StockReceived, Logged): ...


class LoggedStockIssued(StockIssued, Logged): ...


class LoggedTransferDispatched(TransferDispatched, Logged): ...


class LoggedTransferReceived(TransferReceived, Logged): ...


class LoggedMedicineReturned(MedicineReturned, Logged): ...


class LoggedStockAdjusted(StockAdjusted, Logged): ...


class LoggedStockCounted(StockCounted, Logged): ...


class LoggedLotHeld(LotHeld, Logged): ...


class LoggedLotReleased(LotReleased, Logged): ...


class LoggedEventReversed(EventReversed, Logged): ...


PostedEvent = Annotated[
    StockReceived
    | StockIssued
    | TransferDispatched
    | TransferReceived
    | PostedDispense
    | MedicineReturned
    | StockAdjusted
    | StockCounted
    | LotHeld
    | LotReleased
    | EventReversed,
    Field(discriminator="type"),
]
StockEvent = Annotated[
    LoggedStockReceived
    | LoggedStockIssued
    | LoggedTransferDispatched
    | LoggedTransferReceived
    | LoggedDispense
    | LoggedMedicineReturned
    | LoggedStockAdjusted
    | LoggedStockCounted
    | LoggedLotHeld
    | LoggedLotReleased
    | LoggedEventReversed,
    Field(discriminator="type"),
]

posted_event: Final[TypeAdapter[PostedEvent]] = TypeAdapter(PostedEvent)
logged_event: Final[TypeAdapter[StockEvent]] = TypeAdapter(StockEvent)
