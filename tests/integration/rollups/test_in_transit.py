"""What is on its way to a facility is neither ordered nor rescued a second time.

Broken on purpose once, to see these tests fail: receipts not looked at; reversed ones ending a
transfer; all transfers of the state counted.
"""

from typing import Any

import httpx

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    reversal,
)
from tests.integration.rollups.figures import NORM


async def norm_of(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    path = f"/v1/facilities/{FACILITY}/stock"
    answer = await client.get(path, params={"item_id": "PCM"} | asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    (item,) = answer.json()["items"]
    norm: dict[str, Any] = item["norm"]
    return norm


async def order(client: httpx.AsyncClient, **asked: Any) -> tuple[int, int]:
    norm = await norm_of(client, **asked)
    return norm["in_transit"], norm["reorder_quantity"]


async def needed(client: httpx.AsyncClient) -> tuple[int, int, list[tuple[str, int]]]:
    path = f"/v1/facilities/{FACILITY}/items/PCM/rescue"
    answer = (await client.get(path)).json()
    donors = [(donor["facility_id"], donor["can_give"]) for donor in answer["donors"]]
    return answer["in_transit"], answer["needed"], donors


def sent(quantity: int, transfer_id: str = "T1", **told: Any) -> dict[str, Any]:
    """From a place that has too much."""
    line = {"item_id": "PCM", "lot": "A1", "expiry": "2099-03", "quantity": quantity}
    return {
        "type": "transfer_dispatched",
        "facility_id": "PHC-2",
        "to_facility_id": FACILITY,
        "transfer_id": transfer_id,
        "lines": [line],
    } | told


def arrived(quantity: int) -> dict[str, Any]:
    line = {"item_id": "PCM", "lot": "A1", "expiry": "2099-03", "quantity": quantity}
    return {
        "type": "transfer_received",
        "from_facility_id": "PHC-2",
        "transfer_id": "T1",
        "lines": [line],
    }


async def use(lately: Timeline) -> None:
    """4 a day in 20 days: from 40 to 80 should be there. PHC-1 has 8, PHC-2 has 500.

    By hand (USAID DELIVER, *The Logistics Handbook*): minimum = 4 * (5 lead time + 5 safety) = 40,
    maximum = minimum + 4 * 10 of the review period = 80.
    """
    await lately.register(
        NORM, facility(), facility("PHC-2"), item("PCM", pack_size=10, levels=["PHC"])
    )
    await lately.until(9)
    for quantity, place in ((88, FACILITY), (580, "PHC-2")):
        await lately.post(counted(PCM=quantity) | {"facility_id": place})
    for day in range(10, 30):
        await lately.until(day)
        await lately.post(
            *(dispensed("PCM", 4) | {"facility_id": place} for place in (FACILITY, "PHC-2"))
        )
    await lately.until(30, "00:00")


async def test_it_is_not_ordered_again(client: httpx.AsyncClient, lately: Timeline) -> None:
    await use(lately)
    assert await order(client) == (0, 80)  # 72 in packs of 10
    # 4 on each of 20 days: no deviation, and 4 a day in a lead time of 5 days
    norm = await norm_of(client)
    assert (norm["min_quantity"], norm["max_quantity"]) == (40, 80)
    assert (norm["safety_stock"], norm["reorder_point"]) == (0, 20)
    assert await needed(client) == (0, 72, [("PHC-2", 72)])
    await lately.post(sent(24))
    assert await order(client) == (24, 50)
    assert await order(client, include="children") == (24, 50)
    assert await needed(client) == (24, 48, [("PHC-2", 48)])
    await lately.post(sent(48, "T2"))
    assert await order(client) == (72, 0)
    assert await needed(client) == (72, 0, [])


async def test_what_came_or_never_went_is_not_on_its_way(
    client: httpx.AsyncClient, lately: Timeline
) -> None:
    await use(lately)
    elsewhere = {"to_facility_id": "PHC-3", "transfer_id": "T3"}
    _, second, _ = await lately.post(sent(24), sent(5, "T2"), sent(9, **elsewhere))
    assert (await order(client))[0] == 29
    await lately.post(reversal(second) | {"facility_id": "PHC-2"})
    assert (await order(client))[0] == 24
    # some of it ends the transfer: the rest is short, and isn't waited for
    [received] = await lately.post(arrived(20))
    assert await order(client) == (0, 60)  # 28 are there
    await lately.post(reversal(received))
    assert await order(client) == (24, 50)
