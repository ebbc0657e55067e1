"""Every fault has its pointer, and a sentence that repeats nothing of what was sent."""

import json
from typing import Any

import orjson
import pytest

from stream.errors import Rejected
from stream.posting import parse_event, parse_reference
from stream.reference import Item, logged_reference
from tests.contract.test_golden import read_golden

MISSING = object()


def faults_of(name: str, changes: dict[str, Any]) -> dict[str, str]:
    """Pointer → sentence, of the golden event with these changes (`/lines/0/lot` → value)."""
    body = read_golden(name)["posted"]
    for pointer, value in changes.items():
        *path, last = (int(step) if step.isdigit() else step for step in pointer.split("/")[1:])
        place: Any = body
        for step in path:
            place = place[step]
        if value is MISSING:
            del place[last]
        else:
            place[last] = value
    parse = parse_reference if "kind" in body else parse_event
    with pytest.raises(Rejected) as caught:
        parse(body)
    return {fault.pointer: fault.detail for fault in caught.value.errors}


ANYWHERE: list[tuple[str, Any, str]] = [
    ("/event_id", MISSING, "event_id is missing"),
    ("/event_id", None, "event_id must be text"),
    ("/event_id", "0192f0c12f6e7c3a9b1d3c5e7a9f1b2d", "UUID with hyphens"),
    ("/event_id", "{0192f0c1-2f6e-7c3a-9b1d-3c5e7a9f1b2d}", "UUID with hyphens"),
    ("/event_id", "0192f0c1-2f6e-7c3a-9b1d-3c5e7a9f1b2d\n", "UUID with hyphens"),
    ("/facility_id", "", "1 to 64 letters"),
    ("/facility_id", "a" * 65, "1 to 64 letters"),
    ("/facility_id", "a/b", "1 to 64 letters"),
    ("/facility_id", "जयपुर", "1 to 64 letters"),
    ("/facility_id", 7, "must be text"),
    ("/occurred_at", MISSING, "is missing"),
    ("/occurred_at", "2026-01-31", "with an offset"),
    ("/occurred_at", "2026-01-31T10:15:00", "with an offset"),
    ("/occurred_at", "2026-01-31 10:15:00Z", "with an offset"),
    ("/occurred_at", "2026-01-31T10:15Z", "with an offset"),
    ("/occurred_at", "2026-01-31T10:15:00.1234567Z", "at most 6 digits"),
    ("/occurred_at", "2026-02-30T10:15:00Z", "with an offset"),
    ("/occurred_at", "2026-01-31T24:00:00Z", "with an offset"),
    ("/occurred_at", "2026-01-31T10:15:60Z", "with an offset"),
    ("/occurred_at", "2026-01-31T10:15:00+25:00", "with an offset"),
    ("/occurred_at", "0001-01-01T00:00:00+05:30", "with an offset"),
    ("/occurred_at", "२०२६-०१-३१T10:15:00Z", "with an offset"),
    ("/occurred_at", 1769854500, "with an offset"),
    ("/occurred_at", None, "with an offset"),
    ("/sent_at", "now", "with an offset"),
    ("/schema_version", 2, "schema_version must be 1"),
    ("/schema_version", "1", "schema_version must be 1"),
    ("/device_seq", -1, "at least 0"),
    ("/device_seq", 2**53 + 1, "at most 9007199254740992"),
    ("/device_seq", 3, "device_seq needs the device_id"),
    ("/corrects", "x", "UUID"),
    ("/corrects", "0192F0C1-2F6E-7C3A-9B1D-00000000000A", "cannot correct itself"),
    ("/note", "", "must not be empty"),
    ("/note", "a\x00b", "printable"),
    ("/note", "a\nb", "printable"),
    ("/note", "a\u202eb", "printable"),
    ("/note", "\ud800", "not valid text"),
    ("/note", "a" * 1001, "at most 1000 characters"),
    ("/note", ["a"], "must be text"),
    ("/note", "call 98765 43210", "mobile number"),
    ("/reason", "Aadhaar 2345 6789 0123", "Aadhaar number"),
    ("/recorded_by", "me", "not a known field"),
    ("/source", "me", "not a known field"),
    ("/a~b", 1, "not a known field"),
    ("/type", "stock_stolen", "must be one of"),
    ("/type", MISSING, "type is missing"),
    ("/type", None, "must be one of"),
    ("/type", ["lot_released"], "must be one of"),
    ("/lot", "", "must not be empty"),
    ("/lot", "a" * 65, "at most 64"),
    ("/lot", "a\tb", "printable"),
]


@pytest.mark.parametrize(("pointer", "value", "words"), ANYWHERE)
def test_faults_of_any_event(pointer: str, value: Any, words: str) -> None:
    faults = faults_of("lot_released", {pointer: value})
    assert list(faults) == [pointer.replace("~", "~0")]
    assert words in faults[pointer.replace("~", "~0")]


def chain_of(*steps: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"officer": officer, "after_hours": hours} for officer, hours in steps]


BY_TYPE: list[tuple[str, str, Any, str]] = [
    ("stock_received", "/source_kind", "thief", "must be 'warehouse'"),
    ("stock_received", "/lines", [], "must not be empty"),
    ("stock_received", "/lines", {}, "must be a list"),
    ("stock_received", "/lines", "ab", "must be a list"),
    ("stock_received", "/lines", None, "must be a list"),
    ("stock_received", "/lines", MISSING, "lines is missing"),
    ("stock_received", "/lines/1", 7, "line 2 must be an object"),
    ("stock_received", "/lines/0/lot", MISSING, "line 1: lot is missing"),
    ("stock_received", "/lines/0/lot", None, "must be text"),
    ("stock_received", "/lines/0/expiry", "2027-13", "the month on the pack"),
    ("stock_received", "/lines/0/expiry", "2027-02-29", "the month on the pack"),
    ("stock_received", "/lines/0/expiry", "2026-W05-6", "the month on the pack"),
    ("stock_received", "/lines/0/expiry", "0000-01", "the month on the pack"),
    ("stock_received", "/lines/0/expiry", 20270331, "the month on the pack"),
    ("stock_received", "/lines/0/quantity", 999, "100 packs of 10 make 1000"),
    ("stock_received", "/lines/0/quantity", 0, "at least 1"),
    ("stock_received", "/lines/0/quantity", True, "whole number"),
    ("stock_received", "/lines/0/quantity", 1000.0, "whole number"),
    ("stock_received", "/lines/0/quantity", "1000", "whole number"),
    ("stock_received", "/lines/0/quantity", 10**12 + 1, "at most 1000000000000"),
    ("stock_received", "/lines/0/quantity", 2**63, "at most 1000000000000"),
    ("stock_received", "/lines/0/quantity", -(10**4000), "at least 1"),
    ("stock_received", "/lines/0/packs", MISSING, "must be given together"),
    ("stock_received", "/lines/0/pack_size", 0, "at least 1"),
    ("stock_received", "/lines/0/unit_cost_paise", 2**63, "at most 9223372036854775807"),
    ("stock_received", "/lines/0/price", 1, "not a known field"),
    ("stock_issued", "/to_kind", MISSING, "to_kind is missing"),
    ("stock_issued", "/lines/0/quantity", -5, "at least 1"),
    ("transfer_dispatched", "/transfer_id", "a b", "1 to 64 letters"),
    ("transfer_dispatched", "/to_facility_id", "IN0810000012", "another facility"),
    ("transfer_received", "/from_facility_id", "IN0810000012", "another facility"),
    ("transfer_received", "/lines/0/damaged", -1, "at least 0"),
    ("medicine_dispensed", "/channel", "OPD", "must be 'opd'"),
    ("medicine_dispensed", "/patient/name", "x", "not a known field"),
    ("medicine_dispensed", "/patient/id", MISSING, "id is missing"),
    ("medicine_dispensed", "/patient", "9876543210", "must be an object"),
    ("medicine_dispensed", "/prescription_ref", "91-1234-5678-9012", "ABHA number"),
    ("medicine_dispensed", "/prescriber/name", "", "must not be empty"),
    ("medicine_returned", "/returns_event_id", "x", "UUID"),
    ("stock_adjusted", "/lines/0/quantity", 0, "changes nothing"),
    ("stock_adjusted", "/lines/0/reason", "theft", "must be 'expired'"),
    ("stock_counted", "/complete", "yes", "true or false"),
    ("stock_counted", "/complete", 1, "true or false"),
    ("stock_counted", "/lines/0/counted", -1, "at least 0"),
    ("event_reversed", "/reverses", "0192f0c1-2f6e-7c3a-9b1d-00000000000b", "cannot reverse"),
    ("event_reversed", "/reason", MISSING, "reason is missing"),
    ("facility", "/level", "XX", "must be 'MCH'"),
    ("facility", "/parent_facility_id", "IN0810000012", "its own parent"),
    ("facility", "/location/lat", 91, "at most 90"),
    ("facility", "/location/lon", float("nan"), "must be"),
    ("facility", "/time_zone", "Asia/Jaipur", "such as Asia/Kolkata"),
    ("facility", "/names/HI", "x", "HI is not written as it must be"),
    ("facility", "/names/hi", "", "must not be empty"),
    ("item", "/base_unit", MISSING, "base_unit is missing"),
    ("item", "/ved", "X", "must be 'V'"),
    ("district", "/kind", "state", "must be one of"),
    ("facility", "/closed_weekdays", ["sunday", "sunday"], "a weekday twice"),
    ("facility", "/closed_weekdays", "sunday", "must be a list"),
    ("facility", "/closed_weekdays", {"sunday": True}, "must be a list"),
    ("item", "/levels/0", 7, "levels: entry 1 must be text"),
    ("item", "/unit_cost_paise", -1, "at least 0"),
    ("item", "/unit_cost_paise", 0.5, "whole number"),
    ("norm", "/lead_time_days", MISSING, "lead_time_days is missing"),
    ("norm", "/lead_time_days", -1, "at least 0"),
    ("norm", "/safety_days", 366, "at most 365"),
    ("norm", "/review_days", 0, "at least 1"),
    ("norm", "/window_days", 13, "at least 14"),
    ("norm", "/window_days", 367, "at most 366"),
    ("norm", "/level", "XX", "must be 'MCH'"),
    ("closure", "/first_day", "2026-11", "such as 2026-08-15"),
    ("closure", "/first_day", "2026-02-30", "such as 2026-08-15"),
    ("closure", "/first_day", 20261108, "such as 2026-08-15"),
    ("closure", "/last_day", "2026-11-07", "must not be before first_day"),
    ("closure", "/last_day", "2027-11-09", "at most 366 days"),
    ("closure", "/reason", MISSING, "reason is missing"),
    ("closure", "/withdrawn", "no", "true or false"),
    ("directive", "/levels", [], "must not be empty"),
    ("directive", "/levels/0", "HOSPITAL", "must be 'MCH'"),
    ("directive", "/deadline", MISSING, "deadline is missing"),
    ("directive", "/requires", "a_count", "must be 'module_in_use'"),
    ("directive", "/used_days", 13, "must not be more than of_open_days"),
    ("directive", "/of_open_days", 32, "at most 31"),
    ("chain", "/state", MISSING, "state is missing"),
    ("chain", "/steps", [], "must not be empty"),
    ("chain", "/steps", chain_of(("block", 1)), "must be at once"),
    ("chain", "/steps", chain_of(("block", 0), ("in_charge", 1)), "steps go up"),
    ("chain", "/steps", chain_of(("block", 0), ("block", 1)), "each once"),
    ("chain", "/steps", chain_of(("block", 0), ("state", 0)), "more with each step"),
    ("chain", "/steps/1/critical_after_hours", 49, "not be more than after_hours"),
    ("chain", "/steps/0/officer", "cmho", "must be 'in_charge'"),
    ("threshold", "/rule", MISSING, "rule is missing"),
    ("threshold", "/parameters", {}, "must not be empty"),
    ("threshold", "/parameters/days", -1, "at least 0"),
    ("threshold", "/parameters/days", "30", "whole number"),
    ("threshold", "/level", "ward", "must be"),
    ("threshold", "/district_id", "ajmer", "one of them"),
]


@pytest.mark.parametrize(("name", "pointer", "value", "words"), BY_TYPE)
def test_faults_by_type(name: str, pointer: str, value: Any, words: str) -> None:
    faults = faults_of(name, {pointer: value})
    assert list(faults) == [pointer]
    assert words in faults[pointer]


def test_a_norm_is_of_a_level_or_of_a_facility() -> None:
    faults = faults_of("norm", {"/facility_id": "F1"})
    assert faults == {"/level": "a norm is of a level or of a facility, not of both"}


def test_a_closure_names_one_place_at_most() -> None:
    faults = faults_of("closure", {"/facility_id": "F1"})
    assert list(faults) == ["/state"]
    assert "one of them" in faults["/state"]


def test_each_fault_has_an_entry() -> None:
    changes = {"/lines/0/quantity": 0, "/lines/1/lot": "", "/source_kind": "x", "/extra": 1}
    assert set(faults_of("stock_received", changes)) == set(changes)


def test_no_fault_repeats_what_was_sent() -> None:
    faults = faults_of(
        "medicine_dispensed",
        {"/patient/id": "Ramesh\nKumar", "/note": "Ramesh\nKumar", "/channel": "Ramesh"},
    )
    assert len(faults) == 3
    assert "Ramesh" not in json.dumps(faults)


def test_more_than_200_lines_are_refused() -> None:
    body = read_golden("stock_issued")["posted"]
    body["lines"] = body["lines"][:1] * 200
    parse_event(body)
    body["lines"] = body["lines"][:1] * 201
    with pytest.raises(Rejected) as caught:
        parse_event(body)
    assert [fault.pointer for fault in caught.value.errors] == ["/lines"]


@pytest.mark.parametrize("body", [None, 7, "x", [], [{}], {}])
def test_what_is_no_event_at_all(body: Any) -> None:
    with pytest.raises(Rejected):
        parse_event(body)


def test_a_count_of_a_lot_in_two_lines() -> None:
    lines = [{"item_id": "PCM", "lot": lot, "counted": n} for n, lot in enumerate("ABA")]
    assert faults_of("stock_counted", {"/lines": lines}) == {
        "/lines/2/lot": "line 3 counts the same lot as line 1: count it once, in one line"
    }
    unrecorded = [{"item_id": "PCM", "counted": 10}, {"item_id": "PCM", "lot": None, "counted": 2}]
    assert "/lines/1/lot" in faults_of("stock_counted", {"/lines": unrecorded})


def test_what_a_line_does_not_take() -> None:
    (told,) = faults_of("medicine_dispensed", {"/lines/0/expiry": "2027-03"}).values()
    assert told.startswith("line 1: expiry is not told by a medicine_dispensed")


def test_levels_that_there_are_not() -> None:
    """In a log they stay readable."""
    faults = faults_of("item", {"/levels": ["PHC", "phc", "PHCC"]})
    assert faults.keys() == {"/levels/1", "/levels/2"}
    assert faults["/levels/1"].startswith("levels: entry 2 must be one of MCH, DH")
    logged = orjson.loads(read_golden("item")["value"]) | {"levels": ["phc"]}
    record = logged_reference.validate_python(logged)
    assert isinstance(record, Item)
    assert record.levels == ("phc",)
