"""Whatever may be posted is logged, and read back as what was posted."""

import tempfile
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from stream.codec import content_sha256, decode_event, encode_event
from stream.events import EVENT_TYPES, PostedDispense
from stream.keyring import KeyRing
from stream.posting import parse_event
from tests.contract.strategies import BY_TYPE, posted_events

KEYS = KeyRing(Path(tempfile.mkdtemp()) / "keys.json", "RJ")
PRIVATE = {"patient", "prescription_ref", "prescriber", "note"}


def encode(body: dict[str, Any]) -> Any:
    return encode_event(
        parse_event(body), recorded_by="open", source="api", partitions=8, keys=KEYS
    )


def test_there_is_a_strategy_for_each_type() -> None:
    assert set(BY_TYPE) == set(EVENT_TYPES)


@given(posted_events)
def test_what_is_posted_is_what_is_read(body: dict[str, Any]) -> None:
    event, record = parse_event(body), encode(body)
    logged = decode_event(record.key, record.value, record.headers)
    told = logged.model_dump(exclude={"recorded_by", "source"}, exclude_none=True)
    expected = event.model_dump(exclude_none=True)
    if isinstance(event, PostedDispense):
        told = {name: value for name, value in told.items() if not name.startswith("p")}
        expected = {name: value for name, value in expected.items() if name not in PRIVATE}
        told.pop("note", None)
        told.pop("left_out", None)  # of years whose keys' life is over
    assert told == expected


@given(posted_events)
def test_the_content_hash_knows_a_repetition(body: dict[str, Any]) -> None:
    """Nulls, the case of UUIDs, another offset, a later sending: all the same content."""
    again = {name: value for name, value in body.items() if value is not None}
    again |= {
        "event_id": body["event_id"].upper(),
        "occurred_at": parse_event(body).occurred_at.isoformat(),
        "sent_at": "2026-02-01T00:00:00Z",
    }
    assert content_sha256(encode(again).headers) == content_sha256(encode(body).headers)


@given(posted_events, st.integers(1, 5))
def test_the_content_hash_knows_a_difference(body: dict[str, Any], seconds: int) -> None:
    other = body | {"occurred_at": f"2027-01-01T00:00:0{seconds}Z"}
    assert content_sha256(encode(other).headers) != content_sha256(encode(body).headers)


@given(posted_events)
def test_json_text_and_parsed_json_are_taken_alike(body: dict[str, Any]) -> None:
    assert parse_event(orjson.loads(orjson.dumps(body))) == parse_event(body)
