"""pydantic's errors as faults: a JSON pointer and words that a pharmacist understands.

No value that was sent is ever repeated: it may be about a patient.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from stream.alerts import ALERT_TYPES
from stream.errors import Fault
from stream.events import EVENT_TYPES
from stream.reference import DECISION, REFERENCE_KINDS

MAX_FAULTS: Final = 1_000
MAX_DESCRIPTION: Final = 500

_TAGS: Final = frozenset((*EVENT_TYPES, *ALERT_TYPES, *REFERENCE_KINDS, DECISION))
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field here; check its spelling",
    "string_type": "must be text",
    "string_unicode": "is not valid text",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "too_short": "must not be empty",
    "too_long": "must not have more than {max_length} entries",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
}


def find_faults(error: ValidationError, base: str = "") -> tuple[Fault, ...]:
    """One fault per thing wrong, at most MAX_FAULTS; `base` is the pointer of what was checked."""
    details = error.errors(include_url=False, include_input=False)
    # an element that is wrong makes its list "too short" as well
    parents = {part["loc"][:n] for part in details for n in range(len(part["loc"]))}
    return tuple(
        _fault(part, *_place(part), base)
        for part in details
        if not (part["type"] == "too_short" and part["loc"] in parents)
    )[:MAX_FAULTS]


def find_parameter_faults(details: Sequence[Any]) -> tuple[Fault, ...]:
    """Of a request's parameters, as FastAPI tells them; each by its name alone, a list, too."""
    return tuple(_fault(part, list(part["loc"][1:2])) for part in details)


def describe_first(error: ValidationError) -> str:
    """One line about an error in data of unknown origin, fit for a database and a terminal."""
    fault = find_faults(error)[0]
    line = f"{fault.pointer or '/'}: {fault.detail}"[:MAX_DESCRIPTION]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


def pointer(*parts: str | int, base: str = "") -> str:
    """A JSON pointer (RFC 6901) below `base`."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return base + "".join(f"/{part}" for part in escaped)


def _place(part: Any) -> tuple[list[str | int], str]:
    """Where in its event or record a fault is, and of which type or kind that is."""
    path = list(part["loc"])
    return (path[1:], str(path[0])) if path and path[0] in _TAGS else (path, "")


def _fault(part: Any, path: list[str | int], tag: str = "", base: str = "") -> Fault:
    context = part.get("ctx", {})
    if path and path[-1] == "[key]":
        path.pop()
    if part["type"] == "slip":
        where = f"{_subject(path)}: " if path[:1] == ["lines"] else ""
        return Fault(pointer(*path, context["field"], base=base), where + context["sentence"])
    if part["type"] == "extra_forbidden" and path[:1] == ["lines"] and path[-1] == "expiry":
        sentence = f"{_subject(path)} is not told by a {tag}: what came in says when a lot expires"
        return Fault(pointer(*path, base=base), sentence)
    if part["type"].startswith("union_tag"):
        path.append(context["discriminator"].strip("'"))
    return Fault(pointer(*path, base=base), f"{_subject(path)} {_say(part['type'], part)}")


def _say(kind: str, part: Any) -> str:
    if kind == "string_pattern_mismatch":
        return _say_pattern(part["ctx"]["pattern"])
    sentence = _SENTENCES.get(kind)
    return part["msg"] if sentence is None else sentence.format(**part.get("ctx", {}))


def _say_pattern(pattern: str) -> str:
    if pattern.startswith("^[^"):
        return "must hold printable characters only: no line breaks, no control characters"
    if "{8}-" in pattern:
        return "must be a UUID with hyphens, such as 0192f0c1-2f6e-7c3a-9b1d-3c5e7a9f1b2d"
    if "._:-" in pattern:
        return "must be 1 to 64 letters, digits or any of . _ : -"
    return "is not written as it must be"


def _subject(path: list[str | int]) -> str:
    """`lines/1/quantity` → `line 2: quantity`."""
    match path:
        case []:
            return "it"
        case ["lines", int(index)]:
            return f"line {index + 1}"
        case ["lines", int(index), *rest]:
            return f"line {index + 1}: {rest[-1]}"
        case [*_, str(name), int(index)]:
            return f"{name}: entry {index + 1}"
        case _:
            return str(path[-1])
