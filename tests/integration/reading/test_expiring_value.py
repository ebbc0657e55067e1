"""What expires has its value wherever it lies: most of it in warehouses, rated by no list.

Broken on purpose once, to see this test fail: what is on no list left out; a place not left by it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.reading.story import Story, facility, item
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

SOON = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
LATER = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()


def received(item_id: str, **quantities: int) -> list[dict[str, Any]]:
    """Of a lot that expires soon, or later."""
    days = {"soon": SOON, "later": LATER}
    return [
        {"item_id": item_id, "lot": lot, "expiry": days[lot], "quantity": quantity}
        for lot, quantity in quantities.items()
    ]


async def values(story: Story, **asked: str) -> dict[str, tuple[int, int]]:
    """By group: the value, and how many items are rated."""
    groups = (await story.ask("/v1/summary", **asked))["groups"]
    return {
        group["key"]: (group["expiring_value_paise"], sum(group["items"].values()))
        for group in groups
    }


async def test_of_a_warehouse_too(client: httpx.AsyncClient) -> None:
    story = Story(client)
    await story.register(
        facility("WH", "WAREHOUSE"),
        facility("PHC-1", "PHC"),
        item("PCM", "PHC", unit_cost_paise=45),
        item("SERUM", unit_cost_paise=900, programme="NTEP"),
        item("GIFT"),
    )
    for item_id in ("PCM", "SERUM", "GIFT"):
        await story.post("WH", "stock_received", lines=received(item_id, soon=10, later=1000))
    await story.post("PHC-1", "stock_received", lines=received("PCM", soon=2))
    assert await values(story, by="level") == {"PHC": (90, 0), "WAREHOUSE": (9450, 0)}
    await story.count("PHC-1", PCM=0)  # of another lot, and with that of all
    assert await values(story, by="level") == {"PHC": (0, 1), "WAREHOUSE": (9450, 0)}
    assert await values(story, by="district") == {"D1": (9450, 1)}
    assert await values(story, by="item") == {"PCM": (450, 1), "SERUM": (9000, 0)}
    assert await values(story, by="programme") == {None: (450, 1), "NTEP": (9000, 0)}
    assert await values(story, by="item", facility_id="WH") == {"PCM": (450, 0), "SERUM": (9000, 0)}
    issued = [{"item_id": "SERUM", "lot": "soon", "quantity": 10}]
    await story.post("WH", "stock_issued", to_kind="ward", lines=issued)
    assert await values(story, by="facility") == {"PHC-1": (0, 1), "WH": (450, 0)}
    await story.register(facility("WH", "WAREHOUSE", district_id="D2"))

    async def moved() -> bool:
        by_item = await values(story, by="item", district="D2")
        return by_item == {"PCM": (450, 0)} and await values(story, by="item", district="D1") == {
            "PCM": (0, 1)
        }

    await until(moved, "the value is of the other district")
