"""Facts ↔ the bytes of log records.

A value is flat JSON: the sender's fields, nulls dropped, instants in UTC, plus `recorded_by` and
`source`. Headers carry type, schema version and the hash of the sender's content, so that a
worker can stop at a newer version, and tell a repeated event from a conflict, without decoding.
The golden files in tests/golden hold the exact bytes.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from stream.alerts import ALERT_TYPES, AlertEvent, DraftAlertEvent, logged_alert_event
from stream.errors import NewerSchema, Undecodable
from stream.events import EVENT_TYPES, PostedDispense, PostedEvent, StockEvent, logged_event
from stream.faults import describe_first
from stream.keyring import KeyRing
from stream.privacy import seal_private
from stream.reference import (
    DECISION,
    REFERENCE_KINDS,
    DeadLetterDecision,
    PostedReference,
    ReferenceRecord,
    logged_reference,
    reference_id,
)
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS, partition_for
from stream.upcasting import UPCASTS, Upcast

Headers = Sequence[tuple[str, bytes]]
_Record = TypeVar("_Record")

SCHEMA_VERSIONS: Final[Mapping[str, int]] = dict.fromkeys(
    (*EVENT_TYPES, *ALERT_TYPES, *REFERENCE_KINDS, DECISION), 1
)

_NEWEST: Final = {name: b"%d" % version for name, version in SCHEMA_VERSIONS.items()}
_NEWEST_MARKS: Final = {
    (name.encode(), version): (name, b'"schema_version":%b,' % version)
    for name, version in _NEWEST.items()
}
"""By the headers' type and version: the type, and what stands in a value that we wrote."""

_TYPE: Final = "type"
_VERSION: Final = "schema-version"
_CONTENT: Final = "content-sha256"
_VERSION_LIMIT: Final = 10_000
_SORTED: Final = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS

# What "the same content" does not ask for: when it was sent, by which version of a client, and
# what is private (two pseudonyms of one patient differ when the keys do).
_SCHEMA_VERSION: Final = "schema_version"
_NOT_CONTENT: Final = (_SCHEMA_VERSION, "sent_at")
_PRIVATE: Final = ("patient", "prescription_ref", "prescriber", "note")


class OutgoingRecord(NamedTuple):
    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def type(self) -> str:
        return self.headers[0][1].decode()


def encode_event(
    event: PostedEvent, *, recorded_by: str, source: str, partitions: int, keys: KeyRing
) -> OutgoingRecord:
    """A posted event as a record of `stock-events`. Private fields leave here sealed."""
    content = event.model_dump(exclude_none=True)
    rest = {"recorded_by": recorded_by, "source": source}
    if isinstance(event, PostedDispense):
        rest |= _seal(event, content, keys)
    facility_id = event.facility_id
    return OutgoingRecord(
        STOCK_EVENTS,
        partition_for(facility_id, partitions),
        facility_id.encode(),
        *_compose(event.type, content, rest),
    )


def has_private(event: PostedEvent) -> bool:
    """Whether it can only be encoded with keys."""
    return isinstance(event, PostedDispense) and any(
        getattr(event, name) is not None for name in _PRIVATE
    )


def encode_reference(
    record: PostedReference | DeadLetterDecision, *, recorded_by: str, source: str
) -> OutgoingRecord:
    content = record.model_dump(exclude_none=True)
    rest = {"recorded_by": recorded_by, "source": source}
    return OutgoingRecord(
        REFERENCE, 0, _reference_key(record), *_compose(record.kind, content, rest)
    )


def encode_alert_event(
    event: DraftAlertEvent, *, recorded_by: str, source: str, partitions: int
) -> OutgoingRecord:
    """A fact about an alert as a record of `alert-events`."""
    content = event.model_dump(exclude_none=True)
    place = event.subject.place
    return OutgoingRecord(
        ALERT_EVENTS,
        partition_for(place, partitions),
        place.encode(),
        *_compose(event.type, content, {"recorded_by": recorded_by, "source": source}),
    )


def _seal(event: PostedDispense, content: dict[str, Any], keys: KeyRing) -> dict[str, Any]:
    """Take what is private out of `content`; its logged form is returned."""
    private: dict[str, Any] = {name: content.pop(name) for name in _PRIVATE if name in content}
    if not private:
        return {}
    year_keys = keys.year_keys(event.occurred_at)
    if year_keys is None:
        return {"left_out": list(private)}
    return seal_private(
        private, facility_id=event.facility_id, event_id=event.event_id, keys=year_keys
    )


def _compose(
    tag: str, content: dict[str, Any], rest: dict[str, Any]
) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    """Value and headers. The value is the canonical content, which is hashed, and then the rest.

    Canonical JSON: keys sorted, no spaces, UTF-8, instants in UTC.
    """
    for name in _NOT_CONTENT:
        if name in content:
            rest[name] = content.pop(name)
    canonical = orjson.dumps(content, option=_SORTED)
    headers = (
        (_TYPE, tag.encode()),
        (_VERSION, b"%d" % rest[_SCHEMA_VERSION]),
        (_CONTENT, sha256(canonical).digest()),
    )
    return canonical[:-1] + b"," + orjson.dumps(rest, option=_SORTED)[1:], headers


def decode_event(key: bytes | None, value: bytes | None, headers: Headers) -> StockEvent:
    """Raises Undecodable (dead letter) or NewerSchema (stop: the worker must be upgraded)."""
    event = _decode(value, headers, "type", logged_event)
    if key != event.facility_id.encode():
        raise Undecodable("the record's key is not the event's facility_id")
    return event


def decode_reference(key: bytes | None, value: bytes | None, headers: Headers) -> ReferenceRecord:
    """Raises as `decode_event`."""
    record = _decode(value, headers, "kind", logged_reference)
    if key != _reference_key(record):
        raise Undecodable("the record's key does not name what the record is about")
    return record


def decode_alert_event(key: bytes | None, value: bytes | None, headers: Headers) -> AlertEvent:
    """Raises as `decode_event`."""
    event = _decode(value, headers, "type", logged_alert_event)
    if key != event.subject.place.encode():
        raise Undecodable("the record's key is not the place that the alert is about")
    return event


def current_body(value: bytes, headers: Headers) -> bytes:
    """The value in its type's newest version: the bytes themselves, but for an old record.

    Of a record that was decoded.
    """
    name = _header(headers, _TYPE).decode()
    if _header(headers, _VERSION) == _NEWEST[name]:
        return value
    return orjson.dumps(_upcast(_parse(value), _TYPE, headers))


def content_sha256(headers: Headers) -> bytes:
    """The hash of the sender's content, 32 bytes. Raises Undecodable where there is none."""
    content = _header(headers, _CONTENT)
    if len(content) != 32:
        raise Undecodable("the header content-sha256 is not 32 bytes long")
    return content


def _reference_key(record: PostedReference | ReferenceRecord | DeadLetterDecision) -> bytes:
    return f"{record.kind}:{reference_id(record)}".encode()


def _decode(
    value: bytes | None, headers: Headers, tag: str, adapter: TypeAdapter[_Record]
) -> _Record:
    content_sha256(headers)
    record = _decode_newest(value, headers, tag, adapter)
    if record is not None:
        return record
    body = _upcast(_parse(value), tag, headers)
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        raise Undecodable(describe_first(error)) from None


def _decode_newest(
    value: bytes | None, headers: Headers, tag: str, adapter: TypeAdapter[_Record]
) -> _Record | None:
    """The record if it is as we write them today, which is usual; None: look closer."""
    newest = _NEWEST_MARKS.get((_header(headers, _TYPE), _header(headers, _VERSION)))
    if value is None or newest is None or newest[1] not in value:
        return None
    try:
        record = adapter.validate_json(value)
    except ValidationError:
        return None
    return record if getattr(record, tag) == newest[0] else None


def _parse(value: bytes | None) -> dict[str, Any]:
    try:
        body = from_json(value or b"", allow_inf_nan=False)
    except ValueError as error:
        raise Undecodable(f"the value is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Undecodable("the value is not a JSON object")
    return body


def _upcast(body: dict[str, Any], tag: str, headers: Headers) -> dict[str, Any]:
    """The body in its type's newest version. Headers and body must agree on what it is."""
    name, version = body.get(tag), body.get(_SCHEMA_VERSION)
    if not isinstance(name, str) or _header(headers, _TYPE) != name.encode(errors="replace"):
        raise Undecodable("header and value disagree on the type")
    if type(version) is not int or not 0 <= version < _VERSION_LIMIT:
        raise Undecodable("the schema version is none")
    if _header(headers, _VERSION) != b"%d" % version:
        raise Undecodable("header and value disagree on the schema version")
    newest = SCHEMA_VERSIONS.get(name)
    if newest is None:
        raise Undecodable("the type is not known")
    if version > newest:
        raise NewerSchema(
            f"{name} has schema version {version}, this worker knows {newest}: upgrade the worker"
        )
    for older in range(version, newest):
        upcast = UPCASTS.get((name, older))
        if upcast is None:
            raise Undecodable(f"{name} never had the schema version {older}")
        body = _attempt(upcast, body) | {"schema_version": older + 1}
    return body


def _attempt(upcast: Upcast, body: dict[str, Any]) -> dict[str, Any]:
    """An upcast meets bodies that nobody has checked yet."""
    try:
        return upcast(body)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise Undecodable("the body is not what its schema version says") from None


def _header(headers: Headers, name: str) -> bytes:
    for header, value in headers:
        if header == name and value is not None:
            return value
    raise Undecodable(f"the header {name} is missing")
