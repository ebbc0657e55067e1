"""Reference records: facilities, items, districts, recalls, norms, closures, directives,
chains of command, thresholds.

Each is in force from `valid_from` on. Posted records are frozen models; logged ones also say who
recorded them. A decision about a dead letter is a record of the same topic, but operators make it:
it is in no union that the API takes.
"""

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from stream.chains import Chain
from stream.events import Logged
from stream.fields import (
    Code,
    Day,
    Days,
    Id,
    LogOffset,
    Lot,
    Name,
    Paise,
    Quantity,
    Reason,
    null_is,
    slip,
)
from stream.lines import Contract
from stream.thresholds import Threshold
from stream.versioned import LEVELS, Level, Reference

REFERENCE_KINDS: Final = (
    "facility",
    "item",
    "district",
    "recall",
    "norm",
    "closure",
    "directive",
    "chain",
    "threshold",
)
DECISION: Final = "dead_letter_decision"

LetterKind = Literal["undecodable", "conflict", "failed"]
Decision = Literal["replayed", "discarded"]

Language = Annotated[str, Field(strict=True, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
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


MAX_CLOSED_DAYS: Final = 366
DEFAULT_WINDOW_DAYS: Final = 90


def _check_once(weekdays: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if len(set(weekdays)) < len(weekdays):
        raise PydanticCustomError("repeated", "must not name a weekday twice")
    return weekdays


Weekdays = Annotated[
    tuple[Weekday, ...],
    Field(max_length=7, strict=False, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_once),
]
WindowDays = Annotated[int, Field(strict=True, ge=14, le=366)]
UseDays = Annotated[int, Field(strict=True, ge=1, le=31)]
ReviewDays = Annotated[int, Field(strict=True, ge=1, le=365)]


class Named(Reference):
    name: Name
    names: Names | None = None


class Facility(Named):
    """Facilities form a tree: a hospital's store and counters have the hospital as parent.

    `closed_weekdays`: none given means closed on Sundays, an empty list never.
    """

    kind: Literal["facility"]
    facility_id: Id
    level: Level
    parent_facility_id: Id | None = None
    district_id: Id
    block_id: Id | None = None
    state: Name
    location: Location | None = None
    time_zone: Annotated[TimeZone, null_is("Asia/Kolkata")] = "Asia/Kolkata"
    closed_weekdays: Weekdays | None = None
    identifiers: Identifiers | None = None

    @model_validator(mode="after")
    def check_parent(self) -> Self:
        if self.parent_facility_id == self.facility_id:
            raise slip("parent_facility_id", "a facility cannot be its own parent")
        return self


ListedLevel = Annotated[Code, WithJsonSchema({"type": "string", "enum": list(LEVELS)})]
"""Posted ones are levels (`stream.posting`); logs hold items from before that was asked."""


class Item(Named):
    """`base_unit` is what every quantity of the item counts (tablet, ml, vial).

    `levels` names the levels whose essential list the item is on. `unit_cost_paise` is the rate
    contract's price of a base unit.
    """

    kind: Literal["item"]
    item_id: Id
    base_unit: Code
    pack_size: Quantity | None = None
    category: Literal["medicine", "surgical", "suture", "vaccine", "other"] | None = None
    ved: Literal["V", "E", "D"] | None = None
    programme: Name | None = None
    schedule: Code | None = None
    levels: Annotated[tuple[ListedLevel, ...], Field(max_length=30, strict=False)] | None = None
    unit_cost_paise: Paise | None = None
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


class Norm(Reference):
    """How much of an item should be there, in days of its consumption over the last `window_days`.

    At least lead time + safety, at most the review period more. Of the norms in force the most
    specific applies: of a facility and item, a facility, a level and item, a level, an item, of
    everything; of two alike that with the greatest `norm_id`. `withdrawn` ends it.
    """

    kind: Literal["norm"]
    norm_id: Id
    level: Level | None = None
    item_id: Id | None = None
    facility_id: Id | None = None
    lead_time_days: Days
    safety_days: Days
    review_days: ReviewDays
    window_days: Annotated[WindowDays, null_is(DEFAULT_WINDOW_DAYS)] = DEFAULT_WINDOW_DAYS
    withdrawn: Annotated[StrictBool, null_is(False)] = False

    @model_validator(mode="after")
    def check_place(self) -> Self:
        if self.level is not None and self.facility_id is not None:
            raise slip("level", "a norm is of a level or of a facility, not of both")
        return self


class Closure(Reference):
    """Whole days on which facilities are closed: one, a district's, a state's, or all.

    Days are those of each facility's time zone. `withdrawn` says that they are open after all.
    """

    kind: Literal["closure"]
    closure_id: Id
    facility_id: Id | None = None
    district_id: Id | None = None
    state: Name | None = None
    first_day: Day
    last_day: Day
    reason: Reason
    withdrawn: Annotated[StrictBool, null_is(False)] = False

    @model_validator(mode="after")
    def check_place(self) -> Self:
        named = [name for name in ("facility_id", "district_id", "state") if getattr(self, name)]
        if len(named) > 1:
            raise slip(named[1], "a closure names a facility, a district or a state: one of them")
        return self

    @model_validator(mode="after")
    def check_days(self) -> Self:
        if self.last_day < self.first_day:
            raise slip("last_day", "last_day must not be before first_day")
        if self.last_day - self.first_day >= timedelta(days=MAX_CLOSED_DAYS):
            raise slip("last_day", f"a closure lasts at most {MAX_CLOSED_DAYS} days")
        return self


DEFAULT_USED_DAYS: Final = 8
DEFAULT_OF_OPEN_DAYS: Final = 12


class Directive(Reference):
    """What facilities must do by the end of a day in India: so far, have the module in use.

    It binds facilities of the `levels`, of the `district_ids` or the `state` where it names them.
    In use: a complete count, receipts, and dispensing on `used_days` of the last `of_open_days`
    days on which the facility was open. `withdrawn` ends it.
    """

    kind: Literal["directive"]
    directive_id: Id
    title: Name
    requires: Literal["module_in_use"]
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=10, strict=False)]
    district_ids: Annotated[
        tuple[Id, ...] | None, Field(min_length=1, max_length=1000, strict=False)
    ] = None
    state: Name | None = None
    deadline: Day
    used_days: Annotated[UseDays, null_is(DEFAULT_USED_DAYS)] = DEFAULT_USED_DAYS
    of_open_days: Annotated[UseDays, null_is(DEFAULT_OF_OPEN_DAYS)] = DEFAULT_OF_OPEN_DAYS
    withdrawn: Annotated[StrictBool, null_is(False)] = False

    @model_validator(mode="after")
    def check_days(self) -> Self:
        if self.used_days > self.of_open_days:
            raise slip("used_days", "used_days must not be more than of_open_days")
        return self


class DeadLetterDecision(Contract):
    """What an operator decided about one record that was set aside.

    A decision counts only if `follows` is the decision that stands on this record when it comes
    (null: none does). So of two made at once the first counts, however topics interleave.
    """

    schema_version: Annotated[Literal[1], null_is(1)] = 1
    kind: Literal["dead_letter_decision"]
    topic: Literal["stock-events", "reference", "alert-events"]
    partition: LogOffset
    log_offset: LogOffset
    letter_kind: LetterKind
    decision: Decision
    reason: Reason
    follows: LogOffset | None = None
    """The offset in `reference` of the decision that the operator had seen."""

    @model_validator(mode="after")
    def check_decision(self) -> Self:
        """What is said of an alert counts in its turn; evaluation has long gone on from there."""
        if self.topic == "alert-events" and self.decision == "replayed":
            raise slip("decision", "a record of alert-events is discarded, never replayed")
        return self


class LoggedFacility(Facility, Logged): ...


class LoggedItem(Item, Logged): ...


class LoggedDistrict(District, Logged): ...


class LoggedRecall(Recall, Logged): ...


class LoggedNorm(Norm, Logged): ...


class LoggedClosure(Closure, Logged): ...


class LoggedDirective(Directive, Logged): ...


class LoggedChain(Chain, Logged): ...


class LoggedThreshold(Threshold, Logged): ...


class LoggedDecision(DeadLetterDecision, Logged): ...


PostedReference = Annotated[
    Facility | Item | District | Recall | Norm | Closure | Directive | Chain | Threshold,
    Field(discriminator="kind"),
]
ReferenceRecord = Annotated[
    LoggedFacility
    | LoggedItem
    | LoggedDistrict
    | LoggedRecall
    | LoggedNorm
    | LoggedClosure
    | LoggedDirective
    | LoggedChain
    | LoggedThreshold
    | LoggedDecision,
    Field(discriminator="kind"),
]

posted_reference: Final[TypeAdapter[PostedReference]] = TypeAdapter(PostedReference)
logged_reference: Final[TypeAdapter[ReferenceRecord]] = TypeAdapter(ReferenceRecord)


def reference_id(record: PostedReference | DeadLetterDecision) -> str:
    """The id of what the record is about, unique within its kind."""
    if isinstance(record, DeadLetterDecision):
        return f"{record.topic}/{record.partition}/{record.log_offset}"
    own: str = getattr(record, f"{record.kind}_id")
    return own
