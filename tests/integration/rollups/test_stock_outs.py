"""Stock-outs, past and open."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from projections.figures.days import india_midnight
from tests.integration.reading.rows import DAY
from tests.integration.rollups.figures import Figures

FIRST = date(2026, 3, 2)
BEGAN = india_midnight(FIRST)
HOUR = timedelta(hours=1)


async def add(
    figures: Figures, facility_id: str, item_id: str, began: datetime, ended: datetime | None
) -> None:
    await figures.connection.execute(
        "INSERT INTO stock_out VALUES ($1, $2, $3, $4)",
        await figures.facility_no(facility_id),
        await figures.item_no(item_id),
        began,
        ended,
    )


async def ask(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/stockouts", params=parameters)
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def fill(figures: Figures) -> None:
    await figures.add_item("PCM")
    await figures.add_place("F2", district_id="D2")
    await figures.add_place("F1")
    await figures.add_closure("C1", FIRST + DAY, FIRST + DAY, facility_id="F1")
    await add(figures, "F1", "PCM", BEGAN, BEGAN + 2 * DAY)
    await add(figures, "F2", "PCM", BEGAN, BEGAN + 2 * DAY)
    await add(figures, "F2", "ORS", BEGAN, BEGAN + HOUR)
    await add(figures, "F1", "PCM", BEGAN + 5 * DAY, None)
    await add(figures, "F1", "ORS", BEGAN - DAY, BEGAN - HOUR)


def in_log(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


async def test_how_long(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    before, closed, _, open_elsewhere, still = (await ask(client))["stock_outs"]
    assert closed == {
        "facility_id": "F1",
        "facility_name": "Facility F1",
        "item_id": "PCM",
        "item_name": "Item PCM",
        "began_at": in_log(BEGAN),
        "ended_at": in_log(BEGAN + 2 * DAY),
        "seconds": 2 * 86_400,
        "closed_seconds": 86_400,
    }
    assert (before["item_name"], before["seconds"]) == (None, 23 * 3600)
    assert (open_elsewhere["facility_id"], open_elsewhere["closed_seconds"]) == ("F2", 0)
    assert still["ended_at"] is None
    so_far = datetime.now(UTC) - (BEGAN + 5 * DAY)
    assert still["seconds"] == pytest.approx(so_far.total_seconds(), abs=60)
    assert still["closed_seconds"] == 0


async def test_filters_and_pages(client: httpx.AsyncClient, figures: Figures) -> None:
    await fill(figures)
    rows = [("F1", "ORS"), ("F1", "PCM"), ("F2", "ORS"), ("F2", "PCM"), ("F1", "PCM")]
    middle = in_log(BEGAN + 30 * HOUR)
    for filters, expected in (
        ({"facility_id": "F1"}, [0, 1, 4]),
        ({"item_id": "PCM"}, [1, 3, 4]),
        ({"district": "D2"}, [2, 3]),
        ({"district": "D2", "level": "CHC"}, []),
        ({"state": "RJ", "level": "PHC", "item_id": "ORS"}, [0, 2]),
        ({"state": "MP"}, []),
        ({"district": "D2", "item_id": "PCM"}, [3]),
        ({"district": "D2", "facility_id": "F1"}, []),
        ({"from": middle}, [1, 3, 4]),
        ({"to": middle}, [0, 1, 2, 3]),
        ({"from": middle, "to": middle, "facility_id": "F1"}, [1]),
    ):
        found = [
            (each["facility_id"], each["item_id"])
            for each in (await ask(client, **filters))["stock_outs"]
        ]
        assert found == [rows[index] for index in expected], filters
    for filters in ({}, {"facility_id": "F1"}):
        whole = (await ask(client, **filters))["stock_outs"]
        seen: list[Any] = []
        cursor: dict[str, str] = {}
        for _ in whole:
            page = await ask(client, limit=1, **filters, **cursor)
            cursor = {"cursor": page["next_cursor"]}
            seen += page["stock_outs"]
        assert [each["began_at"] for each in seen] == [each["began_at"] for each in whole]
        assert page["next_cursor"] is None
