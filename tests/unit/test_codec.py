"""What is no event of ours, and what only a newer Dawalog can read."""

import contextlib
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.codec import Headers, decode_event, decode_reference
from stream.errors import NewerSchema, Undecodable
from tests.contract.test_golden import read_golden, record_of

RECORD = record_of(read_golden("stock_received"), 0)
BODY: dict[str, Any] = orjson.loads(RECORD.value)


def headers(**changes: bytes | None) -> Headers:
    named = dict(RECORD.headers) | {name.replace("_", "-"): new for name, new in changes.items()}
    return [(name, value) for name, value in named.items() if value is not None]


def value(**changes: Any) -> bytes:
    return orjson.dumps(BODY | changes)


@pytest.mark.parametrize(
    ("key", "content", "head"),
    [
        (RECORD.key, None, RECORD.headers),
        (RECORD.key, b"", RECORD.headers),
        (RECORD.key, b"{", RECORD.headers),
        (RECORD.key, b"[]", RECORD.headers),
        (RECORD.key, b"\xff", RECORD.headers),
        (RECORD.key, b"[" * 100_000, RECORD.headers),
        (RECORD.key, value(recorded_by=None), RECORD.headers),
        (RECORD.key, value(facility_id="x"), RECORD.headers),
        (RECORD.key, value(type=["x"]), RECORD.headers),
        (RECORD.key, value(type="🙂"), RECORD.headers),
        (RECORD.key, value(type="stock_issued"), RECORD.headers),
        (RECORD.key, value(type="stolen"), headers(type=b"stolen")),
        (RECORD.key, value(schema_version=True), RECORD.headers),
        (RECORD.key, value(schema_version=0), headers(schema_version=b"0")),
        (RECORD.key, value(schema_version=10_000), headers(schema_version=b"10000")),
        (RECORD.key, RECORD.value, headers(schema_version=b"2")),
        (RECORD.key, RECORD.value, headers(type=None)),
        (RECORD.key, RECORD.value, headers(content_sha256=None)),
        (RECORD.key, RECORD.value, headers(content_sha256=b"short")),
        (RECORD.key, RECORD.value, []),
        (None, RECORD.value, RECORD.headers),
        (b"IN0810000013", RECORD.value, RECORD.headers),
    ],
)
def test_what_is_no_event_is_undecodable(
    key: bytes | None, content: bytes | None, head: Sequence[tuple[str, bytes]]
) -> None:
    with pytest.raises(Undecodable):
        decode_event(key, content, head)


def test_a_newer_schema_is_not_a_dead_letter() -> None:
    with pytest.raises(NewerSchema, match="upgrade the worker"):
        decode_event(RECORD.key, value(schema_version=2), headers(schema_version=b"2"))


@pytest.mark.parametrize(
    "lines",
    [
        None,
        "lines",
        [1],
        [{}],
        [{"reason": "correction"}],
        [{"reason": "correction", "item_id": [], "quantity": 1}],
        [{"reason": "correction", "item_id": "x", "quantity": "1"}],
        [{"reason": ["correction"], "item_id": "x", "quantity": 1}],
    ],
)
def test_an_old_version_is_checked_too(lines: Any) -> None:
    golden = record_of(read_golden("stock_adjusted.v0"), 0)
    content = orjson.dumps(orjson.loads(golden.value) | {"lines": lines})
    with pytest.raises(Undecodable):
        decode_event(golden.key, content, golden.headers)


def test_an_event_is_no_reference_record() -> None:
    with pytest.raises(Undecodable):
        decode_reference(RECORD.key, RECORD.value, RECORD.headers)


def test_a_null_header_is_as_none() -> None:
    null: Any = [("type", None), *RECORD.headers[1:]]
    with pytest.raises(Undecodable, match="type is missing"):
        decode_event(RECORD.key, RECORD.value, null)


@given(st.binary(max_size=200))
def test_random_bytes_are_undecodable(noise: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_event(RECORD.key, noise, RECORD.headers)


@given(st.integers(0, len(RECORD.value) - 1), st.binary(max_size=3))
def test_mutated_bytes_are_an_event_or_undecodable(place: int, noise: bytes) -> None:
    mutated = RECORD.value[:place] + noise + RECORD.value[place + 1 :]
    with contextlib.suppress(Undecodable):
        decode_event(RECORD.key, mutated, RECORD.headers)


def test_the_reason_can_be_stored_and_shown() -> None:
    content = value(**{"a\x00b" + "c" * 10_000: 1})
    with pytest.raises(Undecodable) as caught:
        decode_event(RECORD.key, content, RECORD.headers)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) <= 500
