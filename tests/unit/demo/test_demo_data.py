"""The demo's generator: the same each time, and nothing that the contract would refuse."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.demo.day import Day, open_pharmacies
from infra.demo.medicines import prescribing_habits
from infra.demo.opening import opening_counts
from infra.demo.past import first_events
from infra.demo.shelves import Shelves
from infra.demo.state import NEVER_STARTED, State, small_state
from projections.definition import Recorded, fold
from projections.figures.rating import LEAST_AVAILABLE_DAYS
from stream.codec import content_sha256, decode_event, encode_event
from stream.events import EVENT_TYPES
from stream.keyring import KeyRing
from stream.posting import parse_event, parse_reference

NOW = datetime(2026, 2, 3, 4, 5, 6, 789_000, UTC)
HABITS = prescribing_habits()
EVENTS = 3_000


@pytest.fixture(scope="module")
def state() -> State:
    return small_state()


def as_stock(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the stock answer would say after the counts."""
    lots = [line for count in counts for line in count["lines"] if "lot" in line]
    today = NOW.date().isoformat()
    return {
        "items": [
            {
                "item_id": line["item_id"],
                "lots": [
                    {
                        "lot": line["lot"],
                        "expiry": line["expiry"],
                        "on_hand": line["counted"],
                        "state": "expired" if line["expiry"] < today else "usable",
                    }
                ],
            }
            for line in sorted(lots, key=lambda line: line["expiry"])
        ]
    }


def day_of(state: State) -> Day:
    shelves = {
        each.facility_id: Shelves.of_stock(as_stock(opening_counts(each, state, HABITS, at=NOW)))
        for each in state.open_facilities
    }
    return Day(open_pharmacies(state, HABITS, shelves), Random(7))


@pytest.fixture(scope="module")
def events(state: State) -> list[dict[str, Any]]:
    return play(state)


def play(state: State) -> list[dict[str, Any]]:
    day, now, happened = day_of(state), NOW, []
    for _ in range(EVENTS):
        now += timedelta(seconds=day.seconds_to_next())
        happened.append(day.next_event(now))
    return happened


def test_the_state_is_whole(state: State) -> None:
    records = [parse_reference(record) for record in state.records(NOW.date())]
    assert len(records) == 6 + 126 + 629 + 7 + 2
    ids = {each.facility_id for each in state.facilities}
    assert len(ids) == len(state.facilities)
    for facility in state.facilities:
        assert {facility.parent_id, facility.supplier_id} <= ids | {None}
    assert state == small_state()


def test_opening_counts(state: State) -> None:
    for facility in state.facilities:
        counts = opening_counts(facility, state, HABITS, at=NOW)
        assert counts == opening_counts(facility, state, HABITS, at=NOW)
        items: Counter[str] = Counter()
        for count in counts:
            event = parse_event(count)
            assert event.type == "stock_counted"
            assert event.complete
            items.update({line.item_id for line in event.lines})
        assert set(items.values()) == {1}  # no complete count denies another's lots
        assert len(items) >= 40


def test_some_items_are_out_some_expired_some_near(state: State) -> None:
    lines = [
        line
        for facility in state.facilities
        for count in opening_counts(facility, state, HABITS, at=NOW)
        for line in count["lines"]
    ]
    today, soon = NOW.date().isoformat(), (NOW + timedelta(days=60)).date().isoformat()
    out = sum(line["counted"] == 0 for line in lines) / len(lines)
    expired = sum(line.get("expiry", "9") < today for line in lines) / len(lines)
    near = sum(today <= line.get("expiry", "9") < soon for line in lines) / len(lines)
    assert 0 < out < 0.005
    assert 0 < expired < 0.01
    assert 0.003 < near < 0.03


def test_a_facility_starts_with_its_last_weeks(state: State, tmp_path: Path) -> None:
    """Enough to be rated by; what is left then is what its opening counts find."""
    keys = KeyRing(tmp_path / "keys.json", "RJ")
    for facility in state.open_facilities:
        if facility.district_id != "RJ-KOT":
            continue
        events = first_events(facility, state, HABITS, at=NOW)
        assert events == first_events(facility, state, HABITS, at=NOW)
        before = [event for event in events if event["occurred_at"] < NOW.isoformat()]
        assert len(before) < len(events) / 2  # else its median delay would make it late
        if facility.level == "COUNTER":
            assert before == []
            continue
        first = datetime.fromisoformat(before[0]["occurred_at"])
        assert first < NOW - timedelta(days=LEAST_AVAILABLE_DAYS)
        ledger = fold(logged(event, offset, keys) for offset, event in enumerate(events))
        for card, entries in ledger.entries.items():
            assert min(entry.balance for entry in entries) >= 0, card
            if entries[0].occurred_at < NOW:
                assert entries[-1].balance == entries[-2].balance, card


def test_about_a_dozen_medicines_are_out_all_day(state: State) -> None:
    day, now = day_of(state), NOW
    assert 5 <= count_out(day) <= 20
    for _ in range(EVENTS):
        now += timedelta(seconds=day.seconds_to_next())
        day.next_event(now)
    assert 3 <= count_out(day) <= 20


def count_out(day: Day) -> int:
    """Of what is prescribed, where the essential list is counted."""
    return sum(
        not each.shelves.on_hand(habit.item_id)
        for each in day.pharmacies
        if each.facility.level in ("PHC", "CHC", "SDH", "DH")
        for habit in each.habits
    )


def test_a_hospital_never_starts(state: State, events: list[dict[str, Any]]) -> None:
    silent = {each.facility_id for each in state.facilities if not each.is_open}
    assert len(silent) == 5
    assert silent < {
        each["facility_id"] for each in state.records(NOW.date()) if each["kind"] == "facility"
    }
    assert {facility_id.removesuffix("-STORE")[:9] for facility_id in silent} == {NEVER_STARTED}
    assert not silent & {event["facility_id"] for event in events}
    assert not silent & {event.get("to_facility_id") for event in events}


def test_a_day_passes_the_contract(state: State, events: list[dict[str, Any]]) -> None:
    kinds = Counter(parse_event(event).type for event in events)
    assert set(EVENT_TYPES) - set(kinds) == {"lot_held", "lot_released"}
    assert kinds["medicine_dispensed"] > 0.8 * EVENTS
    assert len({event["event_id"] for event in events}) == EVENTS
    assert {event["facility_id"] for event in events} <= set(state.by_id)


def test_a_day_is_the_same_from_the_same_seed(state: State, events: list[dict[str, Any]]) -> None:
    assert play(state) == events


def test_nobody_gives_what_is_not_there(
    state: State, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The book that Dawalog keeps of it goes below nothing only on cards without a lot."""
    keys = KeyRing(tmp_path / "keys.json", "RJ")
    district = {each.facility_id for each in state.facilities if each.district_id == "RJ-KOT"}
    posted = [
        count
        for facility_id in district
        for count in opening_counts(state.by_id[facility_id], state, HABITS, at=NOW)
    ]
    posted += [event for event in events if event["facility_id"] in district]
    ledger = fold(logged(event, offset, keys) for offset, event in enumerate(posted))
    entries = [entry for card, on_it in ledger.entries.items() if card.lot for entry in on_it]
    assert len(entries) > 10_000
    assert min(entry.balance for entry in entries) == 0


def logged(posted: dict[str, Any], offset: int, keys: KeyRing) -> Recorded:
    event = parse_event(posted)
    record = encode_event(event, recorded_by="x", source="x", partitions=1, keys=keys)
    body = decode_event(record.key, record.value, record.headers)
    return Recorded(body, content_sha256(record.headers), event.occurred_at, offset)


def test_the_pace_is_that_of_a_small_state(state: State) -> None:
    day = day_of(state)
    gaps = [day.seconds_to_next() for _ in range(EVENTS)]
    assert 1.5 < EVENTS / sum(gaps) < 3


def test_in_the_first_minutes_a_centre_syncs_late_and_a_stock_out_ends(state: State) -> None:
    day, now, happened = day_of(state), NOW, []
    day.plan_stories(NOW)
    while now < NOW + timedelta(minutes=2):
        now += timedelta(seconds=day.seconds_to_next())
        happened.append(day.next_event(now))
    yesterday = (NOW - timedelta(days=1)).isoformat()
    late = [event for event in happened if event["occurred_at"] < yesterday]
    assert len(late) == 20
    assert len({event["facility_id"] for event in late}) == 1
    received = [event for event in happened if event["type"] == "transfer_received"]
    ended = [
        line["item_id"]
        for event in received
        for line in event["lines"]
        if not Shelves.of_stock(
            as_stock(opening_counts(state.by_id[event["facility_id"]], state, HABITS, at=NOW))
        ).on_hand(line["item_id"])
    ]
    relief = day.cast.relief
    assert relief is not None
    assert (relief.to.facility_id, relief.item_id) in [
        (event["facility_id"], line["item_id"]) for event in received for line in event["lines"]
    ]
    assert relief.item_id in ended
    assert {event["facility_id"] for event in late} == {day.cast.offline.facility_id}
