"""The exact bytes of each type in the log. A change here is a change of the wire format."""

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from stream.alerts import ALERT_TYPES, DraftAlertEvent, Subject, alert_id_of, found_event_id
from stream.codec import (
    OutgoingRecord,
    current_body,
    decode_alert_event,
    decode_event,
    decode_reference,
    encode_alert_event,
    encode_event,
    encode_reference,
)
from stream.errors import Rejected
from stream.events import EVENT_TYPES, LoggedDispense
from stream.keyring import KeyRing
from stream.posting import parse_event, parse_reference
from stream.privacy import YearKeys
from stream.reference import DECISION, REFERENCE_KINDS, DeadLetterDecision
from stream.upcasting import UPCASTS

GOLDEN = Path(__file__).parent.parent / "golden"
KEYS = YearKeys("RJ-2026-00000000", bytes(32), bytes(range(32)))
OLD_VERSIONS = [f"{name}.v{version}" for name, version in UPCASTS]
PRIVATE = ("patient_pseudonym", "prescription_hash", "prescription_ref", "prescriber", "note")


class FixedKeys(KeyRing):
    def __init__(self) -> None:
        """No file: always the same keys."""

    def year_keys(self, occurred_at: datetime) -> YearKeys:  # noqa: ARG002
        return KEYS


@pytest.fixture(autouse=True)
def fixed_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(count)))


def read_golden(name: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text())
    return golden


def record_of(golden: dict[str, Any], partition: int) -> OutgoingRecord:
    headers = golden["headers"]
    return OutgoingRecord(
        golden["topic"],
        partition,
        golden["key"].encode(),
        golden["value"].encode(),
        (
            ("type", headers["type"].encode()),
            ("schema-version", headers["schema-version"].encode()),
            ("content-sha256", bytes.fromhex(headers["content-sha256"])),
        ),
    )


def test_each_type_has_a_golden_file() -> None:
    named = {path.stem for path in GOLDEN.glob("*.json")}
    assert named == {*EVENT_TYPES, *ALERT_TYPES, *REFERENCE_KINDS, DECISION, *OLD_VERSIONS}


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_events_are_written_as_ever(name: str) -> None:
    golden = read_golden(name)
    record = encode_event(
        parse_event(golden["posted"]),
        recorded_by="open",
        source="api",
        partitions=32,
        keys=FixedKeys(),
    )
    assert record == record_of(golden, record.partition)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_events_are_read_as_ever(name: str) -> None:
    record = record_of(read_golden(name), 0)
    event = decode_event(record.key, record.value, record.headers)
    assert event.type == name
    assert event.recorded_by == "open"
    assert json.loads(event.model_dump_json(exclude_none=True)) == json.loads(record.value)


@pytest.mark.parametrize("name", REFERENCE_KINDS)
def test_reference_records_are_written_and_read_as_ever(name: str) -> None:
    golden = read_golden(name)
    record = encode_reference(parse_reference(golden["posted"]), recorded_by="open", source="api")
    assert record == record_of(golden, 0)
    assert decode_reference(record.key, record.value, record.headers).kind == name


@pytest.mark.parametrize("name", ALERT_TYPES)
def test_facts_about_alerts_are_written_and_read_as_ever(name: str) -> None:
    golden = read_golden(name)
    draft: DraftAlertEvent = TypeAdapter(DraftAlertEvent).validate_python(golden["posted"])
    record = encode_alert_event(draft, recorded_by="open", source="api", partitions=32)
    assert record == record_of(golden, record.partition)
    event = decode_alert_event(record.key, record.value, record.headers)
    assert event.type == name
    assert json.loads(event.model_dump_json(exclude_none=True)) == json.loads(record.value)


def test_ids_of_alerts_are_as_ever() -> None:
    """Another id would open every alert a second time."""
    for name in ("alert_opened", "alert_changed", "alert_closed"):
        posted = read_golden(name)["posted"]
        subject = Subject.model_validate(posted["subject"])
        alert_id = alert_id_of(posted["rule"], subject, posted["ordinal"])
        assert alert_id == posted["alert_id"]
        assert found_event_id(alert_id, posted["revision"]) == posted["event_id"]


@pytest.mark.parametrize("name", OLD_VERSIONS)
def test_old_versions_are_read_for_ever(name: str) -> None:
    golden = read_golden(name)
    record = record_of(golden, 0)
    event = decode_event(record.key, record.value, record.headers)
    assert json.loads(event.model_dump_json(exclude_none=True)) == golden["reads_as"]
    body = json.loads(current_body(record.value, record.headers))
    assert body == golden["reads_as"]


def test_the_newest_version_is_kept_as_it_is() -> None:
    record = record_of(read_golden("stock_adjusted"), 0)
    assert current_body(record.value, record.headers) is record.value


def test_decisions_are_written_and_read_as_ever() -> None:
    golden = read_golden(DECISION)
    decision = DeadLetterDecision.model_validate(golden["posted"])
    record = encode_reference(decision, recorded_by="asha", source="cli")
    assert record == record_of(golden, 0)
    assert decode_reference(record.key, record.value, record.headers).kind == DECISION


def test_no_client_can_post_a_decision() -> None:
    with pytest.raises(Rejected):
        parse_reference(read_golden(DECISION)["posted"])


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_content_hash_is_of_the_canonical_json(name: str) -> None:
    """By the definition, written once more with other means."""
    golden = read_golden(name)
    left_out = {"recorded_by", "source", "sent_at", "schema_version"}
    if name == "medicine_dispensed":
        left_out |= set(PRIVATE)
    content = {
        key: part for key, part in json.loads(golden["value"]).items() if key not in left_out
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == golden["headers"]["content-sha256"]


def test_what_was_sealed_opens_again() -> None:
    golden = read_golden("medicine_dispensed")
    record = record_of(golden, 0)
    event = decode_event(record.key, record.value, record.headers)
    assert isinstance(event, LoggedDispense)
    for name in ("prescription_ref", "prescriber", "note"):
        sealed = getattr(event, name)
        clear = KEYS.unseal(
            sealed.sealed, facility_id=event.facility_id, event_id=event.event_id, name=name
        )
        posted = golden["posted"][name]
        assert (clear if isinstance(posted, str) else json.loads(clear)) == posted
