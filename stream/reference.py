"""Reference records: facilities, items, districts, recalls. Each is in force from `valid_from` on.

Posted records are frozen models; logged ones also say who recorded them. Later kinds (essential
lists, norms, closures, directives) join the two unions. A decision about a dead letter is
a record of the same topic, but operators make it: it is in no union that the API takes.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictBool, TypeAdapter, model_validator

from stream.events import Logged
from stream.fields import (
    Code,
    Id,
    Instant,
    LogOffset,
    Lot,
    Name,
    Quantity,
    Reason,
    null_is,
    slip,
)
from stream.lines import Contract

REFERENCE_KINDS: Final = ("facility", "item", "district", "recall")
DECISION: Final = "dead_letter_decision"

LetterKind = Literal["undecodable", "conflict", "failed"]
Decision = Literal["replayed", "discarded"]

Level = Literal["MCH", "DH", "SDH", "CHC", "PHC", "SC", "WAREHOUSE", "STORE", "COUNTER", "OTHER"]
Language = Annotated[str, Field(strict=True, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Names = Annotated[dict[Language, Name], Field(max_length=30)]
Latitude = Annotated[float, Field(ge=-90, le=90, strict=True, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, strict=True, allow_inf_nan=False)]
TimeZone = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]


class Location(Contract):
    lat: Latitude
    lon: Longitude


class Identifier(Contract):
    system: Name
    value: Name


Identifiers = Annotated[tuple[Identifier, ...], Field(max_length=50, strict=False)]


class Reference(Contract):
    schema_version: Annotated[Literal[1], null_is(1)] = 1
    valid_from: Instant | None = None


class Named(Reference):
    name: Name
    names: Names | None = None


class Facility(Named):
    """Facilities form a tree: a hospital's store and counters have the hospital as parent."""

    kind: Literal["facility"]
    facility_id: Id
    level: Level
    parent_facility_id: Id | None = None
    district_id: Id
    block_id: Id | None = None
    state: Name
    location: Location | None = None
    time_zone: Annotated[TimeZone, null_is("Asia/Kolkata")] = "Asia/Kolkata"
    identifiers: Identifiers | None = None

    @model_validator(mode="after")
    def check_parent(self) -> Self:
        if self.parent_facility_id == self.facility_id:
            raise slip("parent_facility_id", "a facility cannot be its own parent")
        return self


class Item(Named):
    """`base_unit` is what every quantity of the item counts (tablet, ml, vial)."""

    kind: Literal["item"]
    item_id: Id
    base_unit: Code
    pack_size: Quantity | None = None
    category: Literal["medicine", "surgical", "suture", "vaccine", "other"] | None = None
    ved: Literal["V", "E", "D"] | None = None
    programme: Name | None = None
    schedule: Code | None = None
    levels: Annotated[tuple[Code, ...], Field(max_length=30, strict=False)] | None = None
    identifiers: Identifiers | None = None


class District(Named):
    kind: Literal["district"]
    district_id: Id
    state: Name


class Recall(Reference):
    """A lot that nobody may give any more, wherever it is; `lifted` ends that.

    With `manufacturer`, lots that receipts say another one made are left out.
    """

    kind: Literal["recall"]
    recall_id: Id
    item_id: Id
    lot: Lot
    manufacturer: Name | None = None
    reason: Reason
    lifted: Annotated[StrictBool, null_is(False)] = False


class DeadLetterDecision(Contract):
    """What an operator decided about one record that was set aside.

    A decision counts only if `follows` is the decision that stands on this record when it comes
    (null: none does). So of two made at once the first counts, however topics interleave.
    """

    schema_version: Annotated[Literal[1], null_is(1)] = 1
    kind: Literal["dead_letter_decision"]
    topic: Literal["stock-events", "reference"]
    partition: LogOffset
    log_offset: LogOffset
    letter_kind: LetterKind
    decision: Decision
    reason: Reason
    follows: LogOffset | None = None
    """The offset in `reference` of the decision that the operator had seen."""


class LoggedFacility(Facility, Logged): ...


class LoggedItem(Item, Logged): ...


class LoggedDistrict(District, Logged): ...


class LoggedRecall(Recall, Logged): ...


class LoggedDecision(DeadLetterDecision, Logged): ...


PostedReference = Annotated[Facility | Item | District | Recall, Field(discriminator="kind")]
ReferenceRecord = Annotated[
    LoggedFacility | LoggedItem | LoggedDistrict | LoggedRecall | LoggedDecision,
    Field(discriminator="kind"),
]

posted_reference: Final[TypeAdapter[PostedReference]] = TypeAdapter(PostedReference)
logged_reference: Final[TypeAdapter[ReferenceRecord]] = TypeAdapter(ReferenceRecord)


def reference_id(record: Facility | Item | District | Recall | DeadLetterDecision) -> str:
    """The id of what the record is about, unique within its kind."""
    match record:
        case Facility():
            return record.facility_id
        case Item():
            return record.item_id
        case District():
            return record.district_id
        case Recall():
            return record.recall_id
        case DeadLetterDecision():
            return f"{record.topic}/{record.partition}/{record.log_offset}"
