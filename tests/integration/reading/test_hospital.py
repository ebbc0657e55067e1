"""A hospital is a tree: patients see it whole. Events of its parts are all that is heard of it.

Broken on purpose once, to see these tests fail: a hospital told by its own cards alone; what
nobody knows told as not available.
"""

from typing import Final

import httpx
import pytest

from tests.integration.reading.story import Story, facility, item
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

HOSPITAL, STORE, COUNTER = "T-DH", "T-DH-STORE", "T-DH-C1"


PARTS: Final = [facility(STORE, "STORE", HOSPITAL), facility(COUNTER, "COUNTER", HOSPITAL)]


@pytest.fixture
async def story(client: httpx.AsyncClient) -> Story:
    story = Story(client)
    await story.register(
        facility(HOSPITAL, "DH"), *PARTS, item("PCM", "DH"), item("ORS", "DH"), item("GEL", "PHC")
    )
    return story


async def test_the_public_is_told_of_the_whole_hospital(story: Story) -> None:
    assert await story.availability(HOSPITAL) == {"ORS": "unknown", "PCM": "unknown"}
    await story.count(STORE, PCM=100, GEL=7)  # GEL is on no list of a DH
    assert await story.availability(HOSPITAL) == {"ORS": "not_available", "PCM": "available"}
    await story.count(STORE, PCM=0)
    await story.count(COUNTER, PCM=5)
    assert await story.availability(HOSPITAL) == {"ORS": "not_available", "PCM": "available"}
    told = await story.ask(f"/v1/availability/{HOSPITAL}")
    assert told["last_heard_at"] is not None
    line = {"item_id": "PCM", "lot": "A", "quantity": 5}
    await story.post(COUNTER, "medicine_dispensed", channel="opd", lines=[line])
    assert await story.availability(HOSPITAL) == {"ORS": "not_available", "PCM": "not_available"}


async def test_before_its_first_complete_count_nobody_knows_what_a_facility_lacks(
    story: Story,
) -> None:
    await story.register(facility("PHC-1", "PHC"), item("PCM", "PHC"), item("ORS", "PHC"))
    await story.count("PHC-1", False, PCM=3, ORS=0)
    assert await story.availability("PHC-1") == {
        "GEL": "unknown",
        "ORS": "unknown",
        "PCM": "available",
    }
    await story.count("PHC-1", PCM=3)
    assert await story.availability("PHC-1") == {
        "GEL": "not_available",
        "ORS": "not_available",
        "PCM": "available",
    }


async def reporting(story: Story) -> dict[str, str]:
    told = await story.ask("/v1/reporting")
    return {each["facility_id"]: each["reporting"] for each in told["facilities"]}


async def counts(story: Story, by: str) -> dict[str, tuple[int, ...]]:
    """Of each group: facilities, reporting, not reporting, not started."""
    groups = (await story.ask("/v1/summary", by=by))["groups"]
    names = ("facilities", "reporting", "not_reporting", "not_started")
    return {group["key"]: tuple(group[name] for name in names) for group in groups}


async def settled(story: Story) -> None:
    async def known() -> bool:
        groups = (await story.ask("/v1/summary", by="level"))["groups"]
        return [group["key"] for group in groups] == ["COUNTER", "DH", "STORE"]

    await until(known, "all three have figures")


async def test_a_hospital_that_never_started_is_one(story: Story) -> None:
    await settled(story)
    assert await reporting(story) == {HOSPITAL: "not_started"}
    assert await counts(story, "state") == {"RJ": (1, 0, 0, 1)}
    assert await counts(story, "level") == {
        "COUNTER": (0, 0, 0, 0),
        "DH": (1, 0, 0, 1),
        "STORE": (0, 0, 0, 0),
    }
    parts = (await story.ask("/v1/reporting", parent=HOSPITAL))["facilities"]
    assert {each["facility_id"]: each["reporting"] for each in parts} == {
        COUNTER: "not_started",
        STORE: "not_started",
    }


async def test_a_hospital_is_alive_by_any_of_its_parts(story: Story) -> None:
    await settled(story)
    part = facility("T-DH-C1-A", "COUNTER", COUNTER)
    await story.register(part)
    await story.count("T-DH-C1-A", PCM=1)
    assert await reporting(story) == {HOSPITAL: "live"}
    one = await story.ask(f"/v1/facilities/{HOSPITAL}/reporting")
    assert (one["reporting"], one["delay_seconds"]["median"] is None) == ("live", False)
    assert one["last_heard_at"] is not None
    assert (await story.ask(f"/v1/facilities/{STORE}/reporting"))["reporting"] == "not_started"
    assert await counts(story, "district") == {"D1": (1, 1, 0, 0)}
    by_facility = await counts(story, "facility")
    assert by_facility[HOSPITAL] == (1, 1, 0, 0)
    assert by_facility["T-DH-C1-A"] == (0, 0, 0, 0)
    await story.register(part | {"parent_facility_id": None})  # a clinic of its own

    async def parted() -> bool:
        return await counts(story, "district") == {"D1": (2, 1, 0, 1)}

    await until(parted, "each is one of its own")
    assert await reporting(story) == {HOSPITAL: "not_started", "T-DH-C1-A": "live"}


async def test_gaps_of_a_part_are_the_hospitals(story: Story) -> None:
    for number in (1, 3):
        lines = [{"item_id": "PCM", "lot": "A", "quantity": 1}]
        device = {"device_id": "TAB", "device_seq": number}
        await story.post(COUNTER, "medicine_dispensed", channel="opd", lines=lines, **device)
    one = await story.ask(f"/v1/facilities/{HOSPITAL}/reporting")
    assert (one["reporting"], one["rule"], one["open_gaps"]) == ("late", "device_gaps", 1)
