"""How facilities stand with a directive: over a month's end, a Sunday and a closure, by hand.

Asked for: 3 of the last 5 open days. 30 March 2026 is a Monday, day 28 of the timeline.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.alerts.timeline import (
    Timeline,
    counted,
    dispensed,
    facility,
    received,
    reversal,
)

HOSPITAL, FIRST, SECOND = "CHC-1", "CHC-1-A", "CHC-1-B"
DIRECTIVE: dict[str, Any] = {
    "kind": "directive",
    "directive_id": "D1",
    "title": "The module is in use",
    "requires": "module_in_use",
    "levels": ["CHC", "DH"],
    "deadline": "2026-04-06",
    "used_days": 3,
    "of_open_days": 5,
}


async def begin(timeline: Timeline, **calendar: Any) -> None:
    await timeline.register(
        DIRECTIVE,
        facility(HOSPITAL, level="CHC", **calendar),
        *(
            facility(counter, level="COUNTER", parent_facility_id=HOSPITAL)
            for counter in (FIRST, SECOND)
        ),
        facility("DH-9", level="DH", district_id="kota"),
        facility("PHC-9"),
    )


async def ask(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/directives/D1/standing", params=parameters)
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def look(
    client: httpx.AsyncClient, timeline: Timeline, day: int, clock: str = "09:00"
) -> tuple[str, list[str]]:
    """The hospital's standing, and the days that count, as known then."""
    known_at = timeline.at(day, clock).isoformat()
    body = await ask(client, by="facility", known_at=known_at, district="ajmer")
    [told] = body["facilities"]
    return told["standing"], told["evidence"]["dispensed_on"]


async def tell_the_story(timeline: Timeline) -> list[str]:
    await begin(timeline)
    await timeline.register(
        {
            "kind": "closure",
            "closure_id": "C1",
            "district_id": "ajmer",
            "first_day": "2026-04-01",
            "last_day": "2026-04-01",
            "reason": "fair",
        }
    )
    at_first = {"facility_id": FIRST}
    ids = []
    await timeline.until(28, "10:00")
    ids += await timeline.post(dispensed("PCM", 1) | at_first)
    await timeline.until(29, "23:30")  # still 31 March in India
    ids += await timeline.post(dispensed("PCM", 1) | at_first)
    await timeline.until(31, "10:00")
    ids += await timeline.post(dispensed("PCM", 1) | {"facility_id": SECOND})
    await timeline.until(31, "12:00")
    ids += await timeline.post(received("PCM", 100) | {"facility_id": HOSPITAL})
    await timeline.until(33, "12:00")
    ids += await timeline.post(counted(PCM=90) | {"facility_id": HOSPITAL})
    await timeline.until(34, "10:00")  # Sunday: a camp; it is no open day
    ids += await timeline.post(dispensed("PCM", 1) | at_first)
    return ids


async def test_from_not_started_to_lapsed(client: httpx.AsyncClient, timeline: Timeline) -> None:
    await tell_the_story(timeline)
    await timeline.until(36, "12:00")
    assert await look(client, timeline, 28, "09:59") == ("not_started", [])
    # 30 March isn't over: it doesn't count yet, one prescription has begun it
    assert await look(client, timeline, 28, "10:00") == ("started", [])
    assert await look(client, timeline, 29) == ("started", ["2026-03-30"])
    march = ["2026-03-30", "2026-03-31"]
    assert await look(client, timeline, 32) == ("started", [*march, "2026-04-02"])
    assert await look(client, timeline, 33, "11:59") == ("started", [*march, "2026-04-02"])
    assert await look(client, timeline, 33, "12:00") == ("in_use", [*march, "2026-04-02"])
    # Monday 6 April: of 30, 31 March, 2, 3, 4 April three; the 1st and Sunday the 5th are none
    assert await look(client, timeline, 35) == ("in_use", [*march, "2026-04-02"])
    # Tuesday: 30 March is no longer among the last five
    assert await look(client, timeline, 36) == ("lapsed", ["2026-03-31", "2026-04-02"])


async def test_the_events_that_show_it(client: httpx.AsyncClient, timeline: Timeline) -> None:
    *_, thursdays, receipt, count, sundays = await tell_the_story(timeline)
    known_at = timeline.at(35).isoformat()
    body = await ask(client, by="facility", known_at=known_at)
    assert body["counts"] == {"not_started": 1, "started": 0, "in_use": 1, "lapsed": 0}
    assert (body["day"], body["overdue"]) == ("2026-04-06", False)
    hospital, empty = body["facilities"]
    assert (hospital["counters"], hospital["counters_active"]) == (2, 0)
    assert hospital["evidence"]["first_receipt"] == {
        "event_id": receipt,
        "facility_id": HOSPITAL,
        "occurred_at": "2026-04-02T06:30:00Z",
    }
    assert hospital["evidence"]["first_complete_count"]["event_id"] == count
    assert hospital["evidence"]["last_dispense"]["event_id"] == sundays
    assert (empty["facility_id"], empty["standing"]) == ("DH-9", "not_started")
    assert empty["evidence"] == {
        "first_complete_count": None,
        "first_receipt": None,
        "last_dispense": None,
        "dispensed_on": [],
    }
    await timeline.until(37)
    await timeline.post(reversal(thursdays) | {"facility_id": SECOND})
    assert await look(client, timeline, 37) == ("started", [])  # it never was in use
    assert (await look(client, timeline, 35))[0] == "in_use"  # what was believed then
    late = await ask(client, known_at=timeline.at(36).isoformat())
    assert late["overdue"] is True


async def test_late_facts_in_any_order(client: httpx.AsyncClient, timeline: Timeline) -> None:
    """A counter that was offline brings it all at once, last first."""
    await begin(timeline)
    await timeline.until(35)
    facts = [
        counted(PCM=90) | {"facility_id": HOSPITAL, "occurred_at": timeline.at(28)},
        received("PCM", 90) | {"facility_id": HOSPITAL, "occurred_at": timeline.at(27)},
        *(
            dispensed("PCM", 1) | {"facility_id": FIRST, "occurred_at": timeline.at(day)}
            for day in (33, 32, 29)
        ),
    ]
    for fact in facts:
        assert (await look(client, timeline, 35))[0] != "in_use"
        await timeline.post(fact)
    standing, days = await look(client, timeline, 35)
    assert (standing, days) == ("in_use", ["2026-03-31", "2026-04-03", "2026-04-04"])
    body = await ask(client, by="facility", known_at=timeline.at(35).isoformat(), district="ajmer")
    assert body["facilities"][0]["counters_active"] == 1


async def test_one_dummy_prescription_is_no_use(
    client: httpx.AsyncClient, timeline: Timeline
) -> None:
    await begin(timeline)
    await timeline.until(30)
    at = {"facility_id": HOSPITAL}
    await timeline.post(counted(PCM=9) | at, received("PCM", 9) | at, dispensed("PCM", 1) | at)
    assert await look(client, timeline, 31) == ("started", ["2026-04-01"])


async def test_its_own_supply_of_a_counter_is_no_receipt(
    client: httpx.AsyncClient, timeline: Timeline
) -> None:
    await begin(timeline)
    line = {"item_id": "PCM", "lot": "A1", "quantity": 5}
    moved = {
        "type": "transfer_received",
        "facility_id": FIRST,
        "from_facility_id": HOSPITAL,
        "transfer_id": "T1",
        "lines": [line],
    }
    await timeline.post(moved)
    assert (await look(client, timeline, 1))[0] == "not_started"
    await timeline.post(moved | {"from_facility_id": "WAREHOUSE", "transfer_id": "T2"})
    assert (await look(client, timeline, 1))[0] == "started"


async def test_now_is_as_what_is_known_now(client: httpx.AsyncClient, timeline: Timeline) -> None:
    """Kept days of patients, and events looked up, say the same."""
    await begin(timeline, closed_weekdays=[])
    today = datetime.now(UTC).replace(microsecond=0)
    at = {"facility_id": HOSPITAL}
    for ago, facts in (
        (9, [counted(PCM=9) | at, received("PCM", 9) | at]),
        (8, [dispensed("PCM", 1) | {"facility_id": FIRST}]),
        (7, [dispensed("PCM", 1) | {"facility_id": FIRST}]),
        (6, [dispensed("PCM", 1) | {"facility_id": SECOND}]),
        (2, [dispensed("PCM", 1) | at]),
        (1, [dispensed("PCM", 1) | {"facility_id": FIRST}]),
    ):
        timeline.now = today - timedelta(days=ago)
        last = await timeline.post(*facts)

    async def agreed() -> dict[str, Any]:
        now = await ask(client, by="facility")
        known_at = datetime.now(UTC).isoformat()
        then = await ask(client, by="facility", known_at=known_at)
        assert now["facilities"] == then["facilities"]
        facility: dict[str, Any] = now["facilities"][0]
        return facility

    assert (await agreed())["standing"] == "lapsed"  # 8, 7, 6 days ago it was; now 2 of 5
    timeline.now = today
    await timeline.post(dispensed("PCM", 1) | at | {"occurred_at": today - timedelta(days=3)})
    assert (await agreed())["standing"] == "in_use"
    await timeline.post(reversal(last[0]) | {"facility_id": FIRST})
    assert (await agreed())["standing"] == "lapsed"


async def test_a_hospital_with_a_centre_that_is_bound_itself(
    client: httpx.AsyncClient, timeline: Timeline
) -> None:
    """The centre's days and counters are the hospital's, too, and are counted once in each."""
    await begin(timeline)
    await timeline.register(
        DIRECTIVE | {"levels": ["CHC", "PHC"]},
        facility("PHC-9", parent_facility_id=HOSPITAL),
        facility("PHC-9-A", level="COUNTER", parent_facility_id="PHC-9"),
    )
    for day in (29, 30):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", 1) | {"facility_id": "PHC-9-A"})
    known_at = timeline.at(32).isoformat()
    body = await ask(client, by="facility", known_at=known_at)
    hospital, centre = body["facilities"]
    days = ["2026-03-31", "2026-04-01"]
    for one, counters in ((hospital, 3), (centre, 1)):
        assert one["evidence"]["dispensed_on"] == days
        assert (one["standing"], one["counters"]) == ("started", counters)
        assert one["counters_active"] == 0  # 3 days are asked for


async def test_by_district_and_in_pages(client: httpx.AsyncClient, timeline: Timeline) -> None:
    await begin(timeline)
    nothing = {"not_started": 1, "started": 0, "in_use": 0, "lapsed": 0}
    body = await ask(client, by="district")
    assert body["districts"] == [
        {"district_id": "ajmer"} | nothing,
        {"district_id": "kota"} | nothing,
    ]
    page = await ask(client, by="facility", limit=1)
    assert [each["facility_id"] for each in page["facilities"]] == [HOSPITAL]
    page = await ask(client, by="facility", limit=1, cursor=page["next_cursor"])
    assert [each["facility_id"] for each in page["facilities"]] == ["DH-9"]
    assert page["next_cursor"] is None
    assert page["counts"]["not_started"] == 2
    unknown = await client.get("/v1/directives/D2/standing")
    assert unknown.status_code == httpx.codes.NOT_FOUND
    [listed] = (await client.get("/v1/directives")).json()["directives"]
    assert (listed["directive_id"], listed["used_days"]) == ("D1", 3)


async def test_by_the_officer_who_answers(client: httpx.AsyncClient, timeline: Timeline) -> None:
    """The deadline is over on 6 April, day 35. Kota has a chain of its own."""
    await begin(timeline)
    steps = [
        {"officer": "district", "title": "CMHO", "after_hours": 0},
        {"officer": "state", "title": "Mission Director", "after_hours": 72},
    ]
    chain = {"kind": "chain", "chain_id": "RJ", "state": "RJ", "steps": steps}
    kota = {"chain_id": "KOTA", "district_id": "kota", "steps": [steps[0] | {"title": "PMO"}]}
    await timeline.register(chain, chain | kota)
    await timeline.until(40)

    async def officers(day: int, clock: str) -> list[tuple[Any, ...]]:
        known_at = timeline.at(day, clock).isoformat()
        body = await ask(client, by="officer", known_at=known_at)
        assert "districts" not in body
        return [
            (each["title"], each["officer"], each["district_id"], each["districts"])
            for each in body["officers"]
        ]

    before = [
        ("CMHO", "district", "ajmer", ["ajmer"]),
        ("PMO", "district", "kota", ["kota"]),
    ]
    assert await officers(20, "09:00") == before
    assert await officers(38, "23:59") == before  # 9 April: three days after the deadline's end
    last = ("Mission Director", "state", None, ["ajmer"])
    assert await officers(39, "00:00") == [last, before[1]]
    await timeline.register(chain | kota | {"withdrawn": True})
    assert await officers(39, "00:00") == [last, before[1]]  # as it was known then
    body = await ask(client, by="officer", known_at=timeline.at(40, "09:00").isoformat())
    assert body["officers"] == [
        {
            "officer": "state",
            "title": "Mission Director",
            "state": "RJ",
            "district_id": None,
            "districts": ["ajmer", "kota"],
            "not_started": 2,
            "started": 0,
            "in_use": 0,
            "lapsed": 0,
        }
    ]


async def test_where_no_chain_applies(client: httpx.AsyncClient, timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.until(50)
    for day, officer in ((35, "district"), (41, "district"), (43, "state")):
        body = await ask(client, by="officer", known_at=timeline.at(day).isoformat())
        assert {each["officer"] for each in body["officers"]} == {officer}
        assert {each["title"] for each in body["officers"]} == {None}
