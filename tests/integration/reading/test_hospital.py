"""A hospital is a tree: patients see it whole. Events of its parts are all that is heard of it.

Broken on purpose once, to see these tests fail: a hospital told by its own cards alone; what
nobody knows told as not available.
"""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx
import pytest

from tests.integration.reading.asking import after, get
from tests.integration.reading.rows import event_uuid

pytestmark = pytest.mark.usefixtures("worker")

HOSPITAL, STORE, COUNTER = "T-DH", "T-DH-STORE", "T-DH-C1"


class Story:
    """Posts as one client that reads what it wrote, whichever facility's it is."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self._numbers = count(1)
        self._positions: list[str] = []

    async def register(self, *records: dict[str, Any]) -> None:
        await self._send("/v1/reference/batch", list(records))

    async def post(self, facility_id: str, event_type: str, **fields: Any) -> None:
        number = next(self._numbers)
        event = {
            "event_id": event_uuid(number),
            "type": event_type,
            "facility_id": facility_id,
            "occurred_at": (datetime.now(UTC) - timedelta(seconds=100 - number)).isoformat(),
        }
        await self._send("/v1/events/batch", [event | fields])

    async def count(self, facility_id: str, complete: bool = True, **quantities: int) -> None:
        lines = [
            {"item_id": item_id, "lot": "A", "expiry": "2099-01", "counted": quantity}
            for item_id, quantity in quantities.items()
        ]
        await self.post(facility_id, "stock_counted", complete=complete, lines=lines)

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        return await get(self.client, path, ",".join(self._positions), **parameters)

    async def availability(self, facility_id: str) -> dict[str, str]:
        await self.ask("/v1/items")  # the public has no positions to wait for
        told = await self.ask(f"/v1/availability/{facility_id}")
        return {item["item_id"]: item["availability"] for item in told["items"]}

    async def _send(self, path: str, body: list[dict[str, Any]]) -> None:
        headers = after(",".join(self._positions))
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.json()["rejected"] == 0, answer.text
        self._positions.append(answer.headers["Dawalog-Position"])


def facility(facility_id: str, level: str, parent: str | None = None) -> dict[str, Any]:
    place = {"name": facility_id, "level": level, "district_id": "D1", "state": "RJ"}
    return {"kind": "facility", "facility_id": facility_id, "parent_facility_id": parent, **place}


def item(item_id: str, *levels: str) -> dict[str, Any]:
    named = {"name": item_id, "base_unit": "tablet"}
    return {"kind": "item", "item_id": item_id, "levels": list(levels), **named}


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
