"""What clients send, checked: parsed JSON → a posted event or reference record.

Rules here hold for new facts only. What is in the log was checked when it came, and stays readable
though a rule is tightened later.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from pydantic import ValidationError

from stream.alerts import Statement
from stream.errors import Fault, Rejected
from stream.events import PostedEvent, posted_event
from stream.facts import StockCounted
from stream.faults import find_faults
from stream.identity_numbers import find_identity_faults
from stream.reference import Facility, Item, PostedReference, posted_reference
from stream.versioned import LEVELS

_Statement = TypeVar("_Statement", bound=Statement)


def parse_event(body: Any) -> PostedEvent:
    """Raises Rejected with one fault per thing wrong; pointers are into `body`."""
    try:
        event: PostedEvent = posted_event.validate_python(body)
    except ValidationError as error:
        raise _rejected("invalid-event", "This event", find_faults(error)) from None
    if isinstance(event, StockCounted) and (twice := list(_counted_twice(event))):
        raise _rejected("invalid-event", "This event", twice)
    if faults := find_identity_faults(event):
        raise _rejected("identity-number", "This event", faults)
    return event


def parse_reference(body: Any) -> PostedReference:
    """Raises as `parse_event`."""
    try:
        record: PostedReference = posted_reference.validate_python(body)
    except ValidationError as error:
        raise _rejected("invalid-record", "This record", find_faults(error)) from None
    if faults := list(_faults_of_record(record)):
        raise _rejected("invalid-record", "This record", faults)
    return record


def parse_statement(model: type[_Statement], body: Any) -> _Statement:
    """What somebody says of an alert. Raises as `parse_event`."""
    try:
        statement = model.model_validate(body)
    except ValidationError as error:
        raise _rejected("invalid-event", "This", find_faults(error)) from None
    if faults := find_identity_faults(statement):
        raise _rejected("identity-number", "This", faults)
    return statement


def _counted_twice(count: StockCounted) -> Iterator[Fault]:
    """What stands on the shelf is one number: nobody can tell which of two it is, or their sum."""
    first: dict[tuple[str, str | None], int] = {}
    for number, line in enumerate(count.lines, 1):
        before = first.setdefault((line.item_id, line.lot), number)
        if before != number:
            yield Fault(
                f"/lines/{number - 1}/lot",
                f"line {number} counts the same lot as line {before}: count it once, in one line",
            )


def _faults_of_record(record: PostedReference) -> Iterator[Fault]:
    if isinstance(record, Facility) and record.time_zone not in _time_zones():
        yield Fault("/time_zone", "time_zone must be a name such as Asia/Kolkata")
    if isinstance(record, Item):
        for index, level in enumerate(record.levels or ()):
            if level not in LEVELS:
                detail = f"levels: entry {index + 1} must be one of {', '.join(LEVELS)}"
                yield Fault(f"/levels/{index}", detail)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _rejected(problem_type: str, what: str, faults: Sequence[Fault]) -> Rejected:
    detail = f"{what} cannot be recorded: {faults[0].detail.removesuffix('.')}."
    if len(faults) > 1:
        detail += f" {len(faults)} things are wrong with it, listed in errors."
    return Rejected(problem_type, detail, faults)
