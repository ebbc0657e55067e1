"""What is out, longest first, and who could give some."""

from typing import Any

import httpx

from projections.figures.days import india_day
from tests.integration.reading.rows import DAY
from tests.integration.rollups.figures import Figures


async def ask(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/shortages", params=parameters)
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def pairs(client: httpx.AsyncClient, **parameters: Any) -> list[tuple[str, str]]:
    found = (await ask(client, **parameters))["shortages"]
    return [(each["facility_id"], each["item_id"]) for each in found]


def at(lat: float, lon: float) -> dict[str, Any]:
    return {"location": {"lat": lat, "lon": lon}}


async def fill(figures: Figures) -> None:
    await figures.add_item("PCM", ved="V", programme="NFSM")
    await figures.add_item("ORS", ved="E")
    await figures.add_place("F2", **at(26.0, 75.0), level="CHC")
    await figures.add_place("F1", **at(26.0, 75.0))
    await figures.add_place("F3", **at(26.0, 75.1), district_id="D2")
    await figures.add_place("F4", **at(26.0, 77.0), silent=True)
    await figures.add_state("F1", "PCM", "out", out_since=figures.now - 3 * DAY)
    await figures.add_state("F2", "ORS", "out", out_since=figures.now - 9 * DAY)
    await figures.add_state("F1", "ORS", "out", out_since=figures.now - 9 * DAY)
    await figures.add_state("F3", "ORS", "out", out_since=figures.now - DAY)
    await figures.add_state("F4", "ORS", "out", out_since=figures.now - 20 * DAY, silent=True)
    await figures.add_state("F2", "ZINC", "out", out_since=figures.now - 50 * DAY, essential=False)
    await figures.add_state("F2", "PCM", "ok", usable=70, kept=(50, 70))


ALL = [("F4", "ORS"), ("F1", "ORS"), ("F2", "ORS"), ("F1", "PCM"), ("F3", "ORS")]


async def add_use(figures: Figures, days_ago: int, unserved: int) -> None:
    await figures.connection.execute(
        "INSERT INTO consumption_day VALUES ($1, $2, $3, 0, 0, 0, $4, $4)",
        await figures.facility_no("F1"),
        await figures.item_no("PCM"),
        india_day(figures.now - days_ago * DAY),
        unserved,
    )


async def test_a_shortage(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    for days_ago, unserved in ((4, 100), (3, 2), (1, 5)):
        await add_use(figures, days_ago, unserved)
    body = await ask(client)
    assert [(each["facility_id"], each["item_id"]) for each in body["shortages"]] == ALL
    assert body["shortages"][0]["reporting_silent"] is True
    assert body["shortages"][3] == {
        "facility_id": "F1",
        "facility_name": "Facility F1",
        "level": "PHC",
        "district_id": "D1",
        "item_id": "PCM",
        "item_name": "Item PCM",
        "ved": "V",
        "programme": "NFSM",
        "reporting_silent": False,
        "out_since": (figures.now - 3 * DAY).isoformat().replace("+00:00", "Z"),
        "days_out": 3,
        "patients_not_served": 7,
        "nearest_surplus": None,  # F2 has exactly its maximum
    }


async def test_who_could_give_some(client: httpx.AsyncClient, figures: Figures) -> None:
    """The district's own first, then whoever is near; nobody who is silent, none without a norm."""
    await fill(figures)

    async def nearest() -> Any:
        return (await ask(client, facility_id="F1"))["shortages"][1]["nearest_surplus"]

    await figures.add_state("F4", "PCM", "over", usable=900, kept=(1, 2), silent=True)
    await figures.add_place("F5", district_id="D2", **at(26.0, 75.01))
    await figures.add_state("F5", "PCM", "unrated", usable=900)
    await figures.add_place("F6", district_id="D2")  # nobody knows where
    await figures.add_state("F6", "PCM", "over", usable=80, kept=(50, 70))
    found = await nearest()
    assert (found["facility_id"], found["distance_km"]) == ("F6", None)
    await figures.add_state("F3", "PCM", "over", usable=95, kept=(50, 70))
    assert await nearest() == {
        "facility_id": "F3",
        "name": "Facility F3",
        "district_id": "D2",
        "distance_km": 10.0,  # 0.1° of 111.2 km × cos 26°
        "can_give": 25,
    }
    await figures.add_place("F8", **at(27.0, 75.0))
    await figures.add_state("F8", "PCM", "over", usable=71, kept=(50, 70), essential=False)
    found = await nearest()
    assert (found["facility_id"], found["distance_km"], found["can_give"]) == ("F8", 111.2, 1)
    await figures.add_place("F7", **at(26.5, 75.0))
    await figures.add_state("F7", "PCM", "over", usable=72, kept=(50, 70))
    assert (await nearest())["facility_id"] == "F7"


async def test_filters_and_pages(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    for filters, expected in (
        ({"state": "RJ"}, ALL),
        ({"state": "MP"}, []),
        ({"district": "D1", "state": "MP"}, []),
        ({"district": "D1"}, ALL[:4]),
        ({"district": "D2"}, ALL[4:]),
        ({"level": "CHC"}, [("F2", "ORS")]),
        ({"district": "D1", "level": "PHC", "ved": "E"}, [("F4", "ORS"), ("F1", "ORS")]),
        ({"facility_id": "F1"}, [("F1", "ORS"), ("F1", "PCM")]),
        ({"facility_id": "F1", "district": "D2"}, []),
        ({"programme": "NFSM"}, [("F1", "PCM")]),
        ({"ved": "D"}, []),
        ({"item_id": "ORS"}, [ALL[0], ALL[1], ALL[2], ALL[4]]),
        ({"item_id": "ORS", "district": "D1", "level": "PHC"}, ALL[:2]),
        ({"item_id": "ORS", "state": "RJ", "ved": "V"}, []),
        ({"item_id": "PCM", "facility_id": "F1"}, [("F1", "PCM")]),
        ({"item_id": "ZINC"}, []),  # nowhere essential
    ):
        assert await pairs(client, **filters) == expected, filters
    for filters, whole in (({}, ALL), ({"district": "D1"}, ALL[:4])):
        seen = []
        cursor: dict[str, str] = {}
        for _ in whole:
            page = await ask(client, limit=1, **filters, **cursor)
            cursor = {"cursor": page["next_cursor"]}
            seen += [(each["facility_id"], each["item_id"]) for each in page["shortages"]]
        assert seen == whole
        assert page["next_cursor"] is None
