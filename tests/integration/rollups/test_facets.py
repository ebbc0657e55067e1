"""Filters hold together, on what the projector made of events.

Broken on purpose once, to see these tests fail: all levels tallied for a state; the state left out
of an item's stock and of stock-outs; the item left out of shortages.
"""

from typing import Any

import httpx
import pytest

from tests.integration.alerts.timeline import FACILITY, Timeline, counted, dispensed, facility, item


@pytest.fixture(autouse=True)
async def two_states(lately: Timeline) -> None:
    """PHC-1 and CHC-1 in Rajasthan, PHC-9 in Bihar; PCM is out at all, ORS at PHC-1."""
    await lately.register(
        facility(),
        facility("CHC-1", level="CHC", district_id="kota"),
        facility("PHC-9", district_id="gaya", state="BR"),
        item("PCM", levels=["PHC", "CHC"], programme="NFSM"),
        item("ORS", levels=["PHC"]),
    )
    await lately.until(29)
    for place in (FACILITY, "CHC-1", "PHC-9"):
        named = {"facility_id": place}
        await lately.post(counted(PCM=5, ORS=5) | named, dispensed("PCM", 5) | named)
    await lately.post(dispensed("ORS", 5))
    await lately.until(30, "00:00")


async def ask(client: httpx.AsyncClient, path: str, **asked: Any) -> Any:
    answer = await client.get(f"/v1/{path}", params=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


async def out_by(client: httpx.AsyncClient, by: str, **asked: Any) -> dict[str | None, int]:
    groups = (await ask(client, "summary", by=by, **asked))["groups"]
    return {group["key"]: group["items"]["out"] for group in groups}


async def test_items_of_a_state(client: httpx.AsyncClient) -> None:
    assert await out_by(client, "item") == {"ORS": 1, "PCM": 3}
    assert await out_by(client, "item", state="RJ") == {"ORS": 1, "PCM": 2}
    assert await out_by(client, "item", state="BR") == {"ORS": 0, "PCM": 1}
    assert await out_by(client, "programme", state="BR") == {None: 0, "NFSM": 1}
    assert await out_by(client, "item", state="RJ", level="CHC") == {"PCM": 1}
    assert await out_by(client, "item", state="RJ", district="kota") == {"PCM": 1}


async def test_what_no_norm_speaks_of_is_not_according_to_plan(client: httpx.AsyncClient) -> None:
    """In Bihar PCM is out and ORS unrated: neither is stocked according to plan, of two."""
    [bihar] = (await ask(client, "summary", by="state", state="BR"))["groups"]
    assert bihar["items"]["unrated"] == 1
    rate = bihar["stocked_according_to_plan"]
    assert (rate["numerator"], rate["denominator"], rate["rate"]) == (0, 2, 0)


async def test_places_of_a_programme(client: httpx.AsyncClient) -> None:
    districts = {"ajmer": 1, "gaya": 1, "kota": 1}
    assert await out_by(client, "district", programme="NFSM") == districts
    assert await out_by(client, "state", programme="NFSM") == {"BR": 1, "RJ": 2}
    assert await out_by(client, "state", programme="NFSM", level="PHC") == {"BR": 1, "RJ": 1}
    assert await out_by(client, "state") == {"BR": 1, "RJ": 3}


async def test_lists(client: httpx.AsyncClient) -> None:
    async def pairs(path: str, name: str, **asked: Any) -> list[tuple[str, str]]:
        found = (await ask(client, path, **asked))[name]
        return sorted((each["facility_id"], each["item_id"]) for each in found)

    of_pcm = [("CHC-1", "PCM"), (FACILITY, "PCM"), ("PHC-9", "PCM")]
    assert await pairs("shortages", "shortages", item_id="PCM") == of_pcm
    assert await pairs("shortages", "shortages", item_id="PCM", state="RJ") == of_pcm[:2]
    here = {"item_id": "ORS", "facility_id": FACILITY}
    assert await pairs("shortages", "shortages", **here) == [(FACILITY, "ORS")]
    assert await pairs("stockouts", "stock_outs", state="BR") == of_pcm[2:]
    assert await pairs("stockouts", "stock_outs", level="CHC") == of_pcm[:1]
    stock = (await ask(client, "items/PCM/stock", state="RJ"))["facilities"]
    assert [each["facility_id"] for each in stock] == ["CHC-1", FACILITY]
    stock = (await ask(client, "items/PCM/stock", state="BR", status="out"))["facilities"]
    assert [each["facility_id"] for each in stock] == ["PHC-9"]


@pytest.mark.parametrize("path", ["shortages", "stockouts"])
async def test_a_list_that_did_not_change(
    client: httpx.AsyncClient, lately: Timeline, path: str
) -> None:
    asked = {"item_id": "ORS", "to": lately.at(29, "23:00").isoformat()}
    asked = asked if path == "stockouts" else {"item_id": "ORS"}
    first = await client.get(f"/v1/{path}", params=asked)
    if path == "stockouts":  # one that goes on is longer by the second
        await lately.post(counted(ORS=1))
        first = await client.get(f"/v1/{path}", params=asked)
    named = {"If-None-Match": first.headers["ETag"]}
    again = await client.get(f"/v1/{path}", params=asked, headers=named)
    assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")
