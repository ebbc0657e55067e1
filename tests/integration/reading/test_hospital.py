"""A hospital is a tree: patients see it whole. Events of its parts are all that is heard of it.

Broken on purpose once, to see these tests fail: a hospital told by its own cards alone; what
nobody knows told as not available.
"""

from typing import Final

import httpx
import pytest

from tests.integration.reading.story import Story, facility, item

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
