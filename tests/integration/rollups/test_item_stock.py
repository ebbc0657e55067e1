"""One item at several facilities, computed by hand."""

from typing import Any

import httpx

from tests.integration.reading.rows import DAY
from tests.integration.rollups.figures import Figures


async def ask(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/items/PCM/stock", params=parameters)
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def fill(figures: Figures) -> None:
    await figures.add_item("PCM")
    # numbers of facilities are in another order than their ids
    await figures.add_place("F4", district_id="D2", level="CHC", heard_ago=DAY)
    await figures.add_place("F3", silent=True)
    await figures.add_place("F1")
    await figures.add_place("F2", district_id="D2")
    await figures.add_state(
        "F1", "PCM", "ok", usable=610, consumed=600, available=60 * DAY, kept=(450, 750)
    )
    await figures.add_state("F2", "PCM", "unrated", usable=9, consumed=90, available=6 * DAY)
    await figures.add_state("F3", "PCM", "low", usable=3, silent=True)
    await figures.add_state(
        "F4", "PCM", "out", out_since=figures.now - 3 * DAY, available=30 * DAY, essential=False
    )
    await figures.add_state("F1", "ORS", "out")


async def test_each_facility(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    body = await ask(client)
    assert (body["item_id"], body["next_cursor"]) == ("PCM", None)
    assert "30.5" in body["formula"]
    first, second, third, fourth = body["facilities"]
    assert first == {
        "facility_id": "F1",
        "name": "Facility F1",
        "level": "PHC",
        "district_id": "D1",
        "on_hand": 610,
        "usable": 610,
        "status": "ok",
        "last_status": "ok",
        "reporting_silent": False,
        "essential": True,
        "out_since": None,
        "min_quantity": 450,
        "max_quantity": 750,
        "amc": 305.0,  # 600 in 60 days: 10 a day
        "amc_window_days": 90,
        "unmet": 0,
        "months_of_stock": 2.0,
        "evaluated_on": figures.today.isoformat(),
        "last_heard_at": figures.now.isoformat().replace("+00:00", "Z"),
    }
    assert (second["status"], second["amc"], second["months_of_stock"]) == ("unrated", None, None)
    silent = (third["status"], third["last_status"], third["reporting_silent"])
    assert silent == ("unknown", "low", True)
    assert fourth["out_since"] == (figures.now - 3 * DAY).isoformat().replace("+00:00", "Z")
    assert (fourth["amc"], fourth["months_of_stock"]) == (0, None)
    assert (fourth["essential"], fourth["level"]) == (False, "CHC")


async def test_filters_and_pages(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    for filters, expected in (
        ({"district": "D2"}, ["F2", "F4"]),
        ({"district": "D2", "state": "RJ"}, ["F2", "F4"]),
        ({"state": "MP"}, []),
        ({"level": "PHC"}, ["F1", "F2", "F3"]),
        ({"district": "D2", "level": "PHC"}, ["F2"]),
        ({"facility_id": "F3"}, ["F3"]),
        ({"facility_id": "F3", "district": "D2"}, []),
        ({"status": "unknown"}, ["F3"]),
        ({"status": "low"}, []),
        ({"status": "out", "district": "D2"}, ["F4"]),
    ):
        found = (await ask(client, **filters))["facilities"]
        assert [each["facility_id"] for each in found] == expected, filters
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(2):
        page = await ask(client, limit=2, **cursor)
        cursor = {"cursor": page["next_cursor"]}
        seen += [each["facility_id"] for each in page["facilities"]]
    assert seen == ["F1", "F2", "F3", "F4"]
    assert page["next_cursor"] is None


async def test_a_status_that_most_have(client: httpx.AsyncClient, figures: Figures) -> None:
    """The roll-ups say so; then the index is left alone."""
    await fill(figures)
    asked = {"status": "out"}
    few = await ask(client, **asked)
    await figures.connection.execute(
        "INSERT INTO item_tally VALUES ('level', 'CHC', $1, 0, 9999, 0, 0, 0, 0, 0, 0)",
        await figures.item_no("PCM"),
    )
    assert await ask(client, **asked) == few
    assert [each["facility_id"] for each in few["facilities"]] == ["F4"]


async def test_an_unknown_item(client: httpx.AsyncClient, figures: Figures) -> None:
    await figures.add_item("PCM")
    assert (await ask(client))["facilities"] == []
    answer = await client.get("/v1/items/NONE/stock")
    assert answer.status_code == httpx.codes.NOT_FOUND
