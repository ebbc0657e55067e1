"""Facts ↔ the bytes of log records.

A value is flat JSON: the sender's fields, nulls dropped, instants in UTC, plus `recorded_by` and
`source`. Headers carry type, schema version and the hash of the sender's content, so that a
worker can stop at a newer version, and tell a repeated event from a conflict, without decoding.
The golden files in tests/golden hold the exact bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from stream.errors import NewerSchema, Undecodable
from stream.events import EVENT_TYPES, PostedDispense, PostedEvent, StockEvent, logged_event
from stream.faults import describe_first
from stream.keyring import KeyRing
from stream.privacy import seal_private
from stream.reference import (
    REFERENCE_KINDS,
    PostedReference,
    ReferenceRecord,
    logged_reference,
    reference_id,
)
from stream.topics import REFERENCE, STOCK_EVENTS, partition_for

Headers = Sequence[tuple[str, bytes]]
_Record = TypeVar("_Record")

SCHEMA_VERSIONS: Final[Mapping[str, int]] = dict.fromkeys((*EVENT_TYPES, *REFERENCE_KINDS), 1)
UPCASTS: Final[dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""(type, version) → function from a body of that version to one of the next."""

_TYPE: Final = "type"
_VERSION: Final = "schema-version"
_CONTENT: Final = "content-sha256"
_VERSION_LIMIT: Final = 10_000

# What "the same content" does not ask for: when it was sent, by which version of a client, and
# what is private (two pseudonyms of one patient differ when the keys do).
_NOT_CONTENT: Final = ("sent_at", "schema_version")
_PRIVATE: Final = ("patient", "prescription_ref", "prescriber", "note")


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
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
    body = event.model_dump(exclude_none=True)
    if isinstance(event, PostedDispense):
        private: dict[str, Any] = {name: body.pop(name) for name in _PRIVATE if name in body}
        content = hash_content(body)
        if private:
            body |= seal_private(
                private,
                facility_id=event.facility_id,
                event_id=event.event_id,
                keys=keys.year_keys(event.occurred_at),
            )
    else:
        content = hash_content(body)
    return OutgoingRecord(
        STOCK_EVENTS,
        partition_for(event.facility_id, partitions),
        event.facility_id.encode(),
        _dump(body | {"recorded_by": recorded_by, "source": source}),
        _headers(event.type, event.schema_version, content),
    )


def encode_reference(record: PostedReference, *, recorded_by: str, source: str) -> OutgoingRecord:
    body = record.model_dump(exclude_none=True)
    return OutgoingRecord(
        REFERENCE,
        0,
        _reference_key(record),
        _dump(body | {"recorded_by": recorded_by, "source": source}),
        _headers(record.kind, record.schema_version, hash_content(body)),
    )


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


def content_sha256(headers: Headers) -> bytes:
    """The hash of the sender's content, 32 bytes. Raises Undecodable where there is none."""
    content = _header(headers, _CONTENT)
    if len(content) != 32:
        raise Undecodable("the header content-sha256 is not 32 bytes long")
    return content


def hash_content(body: Mapping[str, Any]) -> bytes:
    """SHA-256 of the canonical JSON: keys sorted, no spaces, UTF-8, instants in UTC."""
    content = {name: value for name, value in body.items() if name not in _NOT_CONTENT}
    return sha256(orjson.dumps(content, option=_SORTED)).digest()


_PLAIN: Final = orjson.OPT_UTC_Z
_SORTED: Final = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS


def _dump(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=_PLAIN)


def _headers(tag: str, version: int, content: bytes) -> tuple[tuple[str, bytes], ...]:
    return ((_TYPE, tag.encode()), (_VERSION, b"%d" % version), (_CONTENT, content))


def _reference_key(record: PostedReference | ReferenceRecord) -> bytes:
    return f"{record.kind}:{reference_id(record)}".encode()


def _decode(
    value: bytes | None, headers: Headers, tag: str, adapter: TypeAdapter[_Record]
) -> _Record:
    content_sha256(headers)
    body = _upcast(_parse(value), tag, headers)
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        raise Undecodable(describe_first(error)) from None


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
    name, version = body.get(tag), body.get("schema_version")
    if not isinstance(name, str) or _header(headers, _TYPE) != name.encode(errors="replace"):
        raise Undecodable("header and value disagree on the type")
    if type(version) is not int or not 0 < version < _VERSION_LIMIT:
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
        body = UPCASTS[name, older](body)
    return body


def _header(headers: Headers, name: str) -> bytes:
    for header, value in headers:
        if header == name and value is not None:
            return value
    raise Undecodable(f"the header {name} is missing")
