"""What was prescribed and couldn't be given stands beside what was used.

Broken on purpose once, to see this test fail: the window's days not looked at.
"""

import httpx

from tests.integration.alerts.timeline import FACILITY, Timeline, counted, dispensed, facility, item
from tests.integration.rollups.figures import NORM


async def test_unmet_demand(client: httpx.AsyncClient, lately: Timeline) -> None:
    await lately.register(NORM, facility(), item("PCM"), item("ORS"))
    await lately.until(1)
    await lately.post(counted(PCM=500, ORS=500))
    for day, quantity, prescribed in ((9, 4, 90), (10, 4, 10), (20, 4, 4), (29, 0, 5), (30, 4, 60)):
        await lately.until(day, "00:00")
        await lately.post(dispensed("PCM", quantity, prescribed=prescribed))
    # of days 10 to 29: 6 and 5 were lacking; today isn't over
    stock = (await client.get(f"/v1/facilities/{FACILITY}/stock")).json()
    told = {item["item_id"]: item["norm"] for item in stock["items"]}
    assert (told["PCM"]["consumed"], told["PCM"]["unmet"]) == (8, 11)
    assert (told["ORS"]["consumed"], told["ORS"]["unmet"]) == (0, 0)
    assert "unmet" in stock["formulas"]
    everywhere = (await client.get("/v1/items/PCM/stock")).json()
    [place] = everywhere["facilities"]
    assert (place["amc_window_days"], place["unmet"]) == (20, 11)
