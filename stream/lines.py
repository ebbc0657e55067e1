"""Lines of events: what happened to which lot of which item, in the item's base unit."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from stream.fields import (
    Expiry,
    Id,
    Lot,
    Name,
    Paise,
    Quantity,
    QuantityOrNone,
    SignedQuantity,
    null_is,
    slip,
)

AdjustmentReason = Literal[
    "expired", "damaged", "lost", "found", "stolen", "recalled", "sample", "lot_identified", "other"
]


class Contract(BaseModel):
    """Base of everything in the contract: an unknown field is an error, and nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReceivedLine(Contract):
    item_id: Id
    lot: Lot
    expiry: Expiry | None = None
    manufacturer: Name | None = None
    quantity: Quantity
    packs: Quantity | None = None
    pack_size: Quantity | None = None
    unit_cost_paise: Paise | None = None

    @model_validator(mode="after")
    def check_packs(self) -> Self:
        """A pack taken for a tablet is the commonest slip: both are said, or neither."""
        if self.packs is None and self.pack_size is None:
            return self
        if self.packs is None or self.pack_size is None:
            raise slip("packs", "packs and pack_size must be given together")
        product = self.packs * self.pack_size
        if product != self.quantity:
            raise slip(
                "quantity",
                f"{self.packs} packs of {self.pack_size} make {product}, "
                f"but quantity says {self.quantity}",
            )
        return self


class IssuedLine(Contract):
    item_id: Id
    lot: Lot | None = None
    quantity: Quantity


class DispatchedLine(Contract):
    item_id: Id
    lot: Lot
    expiry: Expiry | None = None
    quantity: Quantity


class TransferReceivedLine(Contract):
    """`quantity` is what came in good; short = dispatched − quantity − damaged."""

    item_id: Id
    lot: Lot
    expiry: Expiry | None = None
    quantity: QuantityOrNone
    damaged: Annotated[QuantityOrNone, null_is(0)] = 0


class DispensedLine(Contract):
    """`quantity` 0 says that it was prescribed and not given."""

    item_id: Id
    lot: Lot | None = None
    prescribed: QuantityOrNone | None = None
    quantity: QuantityOrNone


class ReturnedLine(Contract):
    item_id: Id
    lot: Lot | None = None
    quantity: Quantity


class AdjustedLine(Contract):
    item_id: Id
    lot: Lot | None = None
    expiry: Expiry | None = None
    quantity: SignedQuantity
    reason: AdjustmentReason

    @model_validator(mode="after")
    def check_quantity(self) -> Self:
        if self.quantity == 0:
            raise slip("quantity", "an adjustment by 0 changes nothing")
        return self


class CountedLine(Contract):
    item_id: Id
    lot: Lot | None = None
    expiry: Expiry | None = None
    counted: QuantityOrNone
