"""Nothing of a patient is readable in the log, and what is sealed belongs to its event."""

from pathlib import Path

import pytest

from stream.codec import OutgoingRecord, content_sha256, decode_event, encode_event
from stream.errors import Corrupt
from stream.events import LoggedDispense
from stream.key_file import change_keys
from stream.keyring import KeyRing
from stream.posting import parse_event
from stream.privacy import YearKeys
from tests.contract.test_golden import read_golden

KEYS = YearKeys("RJ-2026-00000000", bytes(32), bytes(range(32)))
PLACE = {"facility_id": "F1", "event_id": "e1", "name": "note"}


def test_no_clear_value_is_in_the_record(tmp_path: Path) -> None:
    posted = read_golden("medicine_dispensed")["posted"]
    record = encode_event(
        parse_event(posted),
        recorded_by="open",
        source="api",
        partitions=8,
        keys=KeyRing(tmp_path / "keys.json", "RJ"),
    )
    everything = record.key + record.value + b"".join(value for _, value in record.headers)
    prescriber = posted["prescriber"]
    for clear in (
        posted["patient"]["id"],
        posted["patient"]["id"].replace("-", ""),
        posted["prescription_ref"],
        prescriber["name"],
        prescriber["address"],
        posted["note"],
    ):
        assert clear.encode() not in everything


@pytest.mark.parametrize(
    ("scheme", "patient_id"),
    [("ABHA", "91-1234-5678-9012"), ("abha", "91 1234 5678 9012"), ("Abha", "91123456789012")],
)
def test_one_patient_has_one_pseudonym(scheme: str, patient_id: str) -> None:
    assert KEYS.pseudonym(scheme, patient_id) == KEYS.pseudonym("abha", "91123456789012")


def test_other_patients_have_others() -> None:
    patients = [("opd", "1-23"), ("opd", "12-3"), ("opd", "123"), ("ipd", "123"), ("opd1", "23")]
    assert len({KEYS.pseudonym(*patient) for patient in patients}) == len(patients)


def test_case_and_spaces_do_not_tell_prescriptions_apart() -> None:
    assert KEYS.prescription_hash(" opd  4711") == KEYS.prescription_hash("OPD 4711")
    assert KEYS.prescription_hash("OPD 4711") != KEYS.prescription_hash("OPD 4712")


def test_a_sealed_text_opens_where_it_belongs() -> None:
    sealed = KEYS.seal("आधा आज", **PLACE)["sealed"]
    assert KEYS.unseal(sealed, **PLACE) == "आधा आज"


@pytest.mark.parametrize("moved", [{"facility_id": "F2"}, {"event_id": "e2"}, {"name": "x"}])
def test_a_sealed_text_opens_nowhere_else(moved: dict[str, str]) -> None:
    sealed = KEYS.seal("half today", **PLACE)["sealed"]
    with pytest.raises(Corrupt):
        KEYS.unseal(sealed, **(PLACE | moved))


def test_the_same_text_is_never_sealed_alike() -> None:
    assert KEYS.seal("half today", **PLACE) != KEYS.seal("half today", **PLACE)


def test_keys_are_not_shown() -> None:
    assert "\\x1f" not in repr(KEYS)


def test_an_event_of_a_destroyed_year_is_recorded_without_what_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    event = parse_event(read_golden("medicine_dispensed")["posted"])

    def record() -> OutgoingRecord:
        ring = KeyRing(path, "RJ")
        return encode_event(event, recorded_by="open", source="api", partitions=8, keys=ring)

    before = record()
    change_keys(path, lambda file: file.with_keys(*(k.destroy(k.created_at) for k in file.keys)))
    after = record()
    # the same content: sent again after the destruction, it is a repetition
    assert content_sha256(after.headers) == content_sha256(before.headers)
    logged = decode_event(after.key, after.value, after.headers)
    assert isinstance(logged, LoggedDispense)
    assert logged.left_out == ("patient", "prescription_ref", "prescriber", "note")
    assert (logged.patient_pseudonym, logged.prescription_hash, logged.note) == (None, None, None)
    assert b"Sharma" not in after.value
