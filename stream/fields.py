"""The kinds of value that the contract knows, each checked the same way wherever it stands.

Checked alike from JSON text and from parsed JSON, hence own checks for dates and instants
(pydantic's lax mode takes numbers for dates, its strict mode takes no strings at all).
Patterns use only what Rust, Python and ECMAScript read alike, as they are in the OpenAPI document.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_QUANTITY: Final = 10**12
MAX_INT64: Final = 2**63 - 1
MAX_DEVICE_SEQ: Final = 2**53
MAX_LINES: Final = 200

CODE_LENGTH: Final = 64
NAME_LENGTH: Final = 200
DOCUMENT_LENGTH: Final = 100
REASON_LENGTH: Final = 500
NOTE_LENGTH: Final = 1000

# No control characters (Postgres text has no NUL), no line separators, nothing that turns the
# direction of what follows. Joiners stay: Hindi needs them.
PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$"
ID_PATTERN: Final = r"^[A-Za-z0-9._:-]{1,64}$"
_UUID = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)


def slip(field: str, sentence: str) -> PydanticCustomError:
    """A fault that only shows between fields, laid to `field`; `sentence` stands by itself."""
    return PydanticCustomError("slip", "{sentence}", {"field": field, "sentence": sentence})


def parse_instant(value: Any) -> datetime:
    """RFC 3339 with an offset and at most 6 fractional digits → aware datetime in UTC."""
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            instant = datetime.fromisoformat(value.upper())
            return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "instant",
        "must be a date and time with an offset, such as 2026-01-31T10:15:00+05:30, "
        "with at most 6 digits after the second",
    )


def parse_expiry(value: Any) -> date:
    """`YYYY-MM-DD`, or `YYYY-MM` as printed on packs → that month's last day."""
    try:
        if isinstance(value, str):
            # date.fromisoformat also takes 2026-W05-6 and 20260131, which these two dashes rule out
            if len(value) == 10 and value[4] == "-" == value[7]:
                return date.fromisoformat(value)
            if month := _MONTH.fullmatch(value):
                year, number = int(month[1]), int(month[2])
                return date(year, number, monthrange(year, number)[1])
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
    except ValueError:
        pass
    raise PydanticCustomError(
        "expiry", "must be a date such as 2027-03-31, or the month on the pack, such as 2027-03"
    )


def parse_day(value: Any) -> date:
    """`YYYY-MM-DD`."""
    try:
        if isinstance(value, str) and len(value) == 10 and value[4] == "-" == value[7]:
            return date.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
    except ValueError:
        pass
    raise PydanticCustomError("day", "must be a date such as 2026-08-15")


@dataclass(frozen=True)
class _Parsed:
    """Checked by our own function alone, written out by its type (PlainValidator would write it
    by a second function, slowly)."""

    parse: Callable[[Any], date]

    def __get_pydantic_core_schema__(
        self, source: type[date], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)


Instant = Annotated[
    datetime,
    _Parsed(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[date, _Parsed(parse_day), WithJsonSchema({"type": "string", "format": "date"})]
Expiry = Annotated[
    date,
    _Parsed(parse_expiry),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$"}),
]

EventId = Annotated[str, StringConstraints(strict=True, pattern=_UUID, to_lower=True)]
Id = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]


def _text(length: int) -> StringConstraints:
    return StringConstraints(strict=True, min_length=1, max_length=length, pattern=PRINTABLE)


Lot = Annotated[str, _text(CODE_LENGTH)]
Code = Annotated[str, _text(CODE_LENGTH)]
Name = Annotated[str, _text(NAME_LENGTH)]
DocumentNo = Annotated[str, _text(DOCUMENT_LENGTH)]
Reason = Annotated[str, _text(REASON_LENGTH)]
Note = Annotated[str, _text(NOTE_LENGTH)]


def null_is(default: int | bool | str) -> BeforeValidator:
    """For a field with a default: null means the same as leaving it out."""
    return BeforeValidator(
        lambda value: default if value is None else value,
        json_schema_input_type=type(default) | None,
    )


Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
QuantityOrNone = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY)]
SignedQuantity = Annotated[int, Field(strict=True, ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Paise = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64)]
Days = Annotated[int, Field(strict=True, ge=0, le=365)]
LogOffset = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64)]
DeviceSeq = Annotated[int, Field(strict=True, ge=0, le=MAX_DEVICE_SEQ)]
