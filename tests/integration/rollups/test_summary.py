"""Roll-ups of a small state, computed by hand."""

from typing import Any

import httpx
import pytest

from tests.integration.reading.rows import DAY
from tests.integration.rollups.figures import Figures

STATUSES = ("out", "low", "ok", "over", "unrated", "unknown")


@pytest.fixture
async def state(figures: Figures) -> None:
    """D1: PHC-1 and the silent PHC-2; CHC-1. D2: PHC-3; PHC-4, which nobody has heard of."""
    for district_id in ("D1", "D2"):
        await figures.add_district(district_id)
    await figures.add_item("AMOX", programme="NFSM")
    await figures.add_item("ORS", programme="NFSM")
    await figures.add_item("PCM")
    await figures.add_item("ZINC", programme="DDW")  # nowhere essential
    await figures.add_place("PHC-1")
    await figures.add_place("PHC-2", silent=True, partition=1, evaluated_days_ago=1)
    await figures.add_place("CHC-1", level="CHC")
    await figures.add_place("PHC-3", district_id="D2", partition=1)
    await figures.add_place("PHC-4", district_id="D2", heard_ago=None)
    await figures.add_state("PHC-1", "AMOX", "out")
    await figures.add_state("PHC-1", "ORS", "ok", usable=5, expiring_paise=250)
    await figures.add_state("PHC-1", "PCM", "unrated", usable=5)
    await figures.add_state("PHC-1", "ZINC", "out", essential=False)
    await figures.add_state("PHC-2", "AMOX", "ok", usable=9, silent=True, expiring_paise=40)
    await figures.add_state("PHC-2", "ORS", "out", silent=True)
    await figures.add_state("CHC-1", "AMOX", "over", usable=5)
    await figures.add_state("CHC-1", "ORS", "low", usable=5)
    await figures.add_state("PHC-3", "AMOX", "ok", usable=5)
    await figures.add_patients("PHC-1", 7, 2, 1)
    await figures.add_patients("PHC-1", 100, 100, 100, days_ago=1)
    await figures.add_patients("PHC-2", 30, 20, 10)
    await figures.add_patients("PHC-2", 100, 100, 100, days_ago=1)
    await figures.add_patients("PHC-3", 4, 0, 0)
    await figures.tally()


pytestmark = pytest.mark.usefixtures("state")


async def ask(client: httpx.AsyncClient, **parameters: Any) -> dict[str, Any]:
    answer = await client.get("/v1/summary", params=parameters)
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def groups(client: httpx.AsyncClient, **parameters: Any) -> dict[str | None, dict[str, Any]]:
    return {group["key"]: group for group in (await ask(client, **parameters))["groups"]}


def items(group: dict[str, Any]) -> tuple[int, ...]:
    return tuple(group["items"][status] for status in STATUSES)


async def items_by(client: httpx.AsyncClient, **parameters: Any) -> dict[str | None, Any]:
    return {key: items(group) for key, group in (await groups(client, **parameters)).items()}


async def test_a_district_whole(client: httpx.AsyncClient, figures: Figures) -> None:
    body = await ask(client, by="district", state="RJ")
    assert (body["by"], body["evaluated_on"]) == ("district", (figures.today - DAY).isoformat())
    assert body["next_cursor"] is None
    assert [group["key"] for group in body["groups"]] == ["D1", "D2"]
    assert body["groups"][0] == {
        "key": "D1",
        "name": "D1",
        "facilities": 3,
        "reporting": 2,
        "not_reporting": 1,
        "not_started": 0,
        "items": {"out": 1, "low": 1, "ok": 1, "over": 1, "unrated": 1, "unknown": 2},
        "stock_out_rate": {"rate": 0.2, "numerator": 1, "denominator": 5, "not_reporting": 2},
        "stocked_according_to_plan": {
            "rate": 0.2,
            "numerator": 1,
            "denominator": 5,
            "not_reporting": 2,
        },
        "expiring_value_paise": 290,
        "patients": {"served": 37, "served_in_part": 22, "sent_away": 11},
        "prescriptions_today": 70,
    }
    of_second = body["groups"][1]
    counts = ("facilities", "reporting", "not_reporting", "not_started")
    assert [of_second[name] for name in counts] == [2, 1, 0, 1]
    assert of_second["prescriptions_today"] == 4


async def test_by_each_place(client: httpx.AsyncClient) -> None:
    assert await items_by(client, by="state") == {"RJ": (1, 1, 2, 1, 1, 2)}
    assert await items_by(client, by="level") == {
        "CHC": (0, 1, 0, 1, 0, 0),
        "PHC": (1, 0, 2, 0, 1, 2),
    }
    by_facility = await groups(client, by="facility")
    assert {key: items(group) for key, group in by_facility.items()} == {
        "CHC-1": (0, 1, 0, 1, 0, 0),
        "PHC-1": (1, 0, 1, 0, 1, 0),
        "PHC-2": (0, 0, 0, 0, 0, 2),
        "PHC-3": (0, 0, 1, 0, 0, 0),
        "PHC-4": (0, 0, 0, 0, 0, 0),
    }
    assert by_facility["PHC-1"]["name"] == "Facility PHC-1"
    silent, never = by_facility["PHC-2"], by_facility["PHC-4"]
    assert (silent["reporting"], silent["not_reporting"], silent["not_started"]) == (0, 1, 0)
    assert (never["reporting"], never["not_reporting"], never["not_started"]) == (0, 0, 1)
    nothing = {"rate": None, "numerator": 0, "denominator": 0}
    assert silent["stock_out_rate"] == nothing | {"not_reporting": 2}
    assert never["stocked_according_to_plan"] == nothing | {"not_reporting": 0}


BY_FILTERS: list[tuple[dict[str, str], tuple[int, ...] | None]] = [
    ({"district": "D1"}, (1, 1, 1, 1, 1, 2)),
    ({"level": "PHC"}, (1, 0, 2, 0, 1, 2)),
    ({"district": "D1", "level": "PHC"}, (1, 0, 1, 0, 1, 2)),
    ({"facility_id": "PHC-1"}, (1, 0, 1, 0, 1, 0)),
    ({"facility_id": "PHC-1", "district": "D2"}, None),
    ({"state": "MP"}, None),
]


async def test_filters_hold_together(client: httpx.AsyncClient) -> None:
    for filters, expected in BY_FILTERS:
        found = await items_by(client, by="state", **filters)
        assert found == ({} if expected is None else {"RJ": expected}), filters


ITEMS_BY_FILTERS: list[tuple[dict[str, str], Any, Any, Any]] = [
    ({}, (1, 0, 1, 1, 0, 1), (0, 1, 1, 0, 0, 1), (0, 0, 0, 0, 1, 0)),
    ({"district": "D1"}, (1, 0, 0, 1, 0, 1), (0, 1, 1, 0, 0, 1), (0, 0, 0, 0, 1, 0)),
    ({"district": "D2"}, (0, 0, 1, 0, 0, 0), None, None),
    ({"level": "PHC"}, (1, 0, 1, 0, 0, 1), (0, 0, 1, 0, 0, 1), (0, 0, 0, 0, 1, 0)),
    (
        {"district": "D1", "level": "PHC", "state": "RJ"},
        (1, 0, 0, 0, 0, 1),
        (0, 0, 1, 0, 0, 1),
        (0, 0, 0, 0, 1, 0),
    ),
    ({"facility_id": "PHC-2"}, (0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 1), None),
    ({"facility_id": "PHC-2", "district": "D2"}, None, None, None),
    ({"facility_id": "PHC-2", "state": "MP"}, None, None, None),
    ({"state": "RJ"}, (1, 0, 1, 1, 0, 1), (0, 1, 1, 0, 0, 1), (0, 0, 0, 0, 1, 0)),
    ({"state": "RJ", "district": "D2"}, (0, 0, 1, 0, 0, 0), None, None),
    ({"state": "RJ", "level": "CHC"}, (0, 0, 0, 1, 0, 0), (0, 1, 0, 0, 0, 0), None),
    ({"state": "MP"}, None, None, None),
]


async def test_by_item_and_by_programme(client: httpx.AsyncClient) -> None:
    for filters, amox, ors, pcm in ITEMS_BY_FILTERS:
        of_programme = {key: told for key, told in (("AMOX", amox), ("ORS", ors)) if told}
        without = {"PCM": pcm} if pcm else {}
        assert await items_by(client, by="item", **filters) == of_programme | without, filters
        asked = {"programme": "NFSM", **filters}
        assert await items_by(client, by="item", **asked) == of_programme
        sums = tuple(map(sum, zip(*of_programme.values(), strict=True)))
        by_programme = {"NFSM": sums} if sums else {}
        assert await items_by(client, by="programme", **asked) == by_programme
        whole = by_programme | ({None: pcm} if pcm else {})
        assert await items_by(client, by="programme", **filters) == whole


async def test_places_by_the_items_of_a_programme(client: httpx.AsyncClient) -> None:
    asked = {"programme": "NFSM"}
    assert await items_by(client, by="state", **asked) == {"RJ": (1, 1, 2, 1, 0, 2)}
    districts = await groups(client, by="district", **asked)
    assert items(districts["D1"]) == (1, 1, 1, 1, 0, 2)
    assert (districts["D1"]["facilities"], districts["D1"]["prescriptions_today"]) == (3, 70)
    assert districts["D1"]["expiring_value_paise"] == 290
    assert await items_by(client, by="level", district="D2", **asked) == {"PHC": (0, 0, 1, 0, 0, 0)}
    page = await ask(client, by="facility", limit=2, **asked)
    assert [items(group) for group in page["groups"]] == [(0, 1, 0, 1, 0, 0), (1, 0, 1, 0, 0, 0)]
    assert items((await groups(client, by="state", programme="NONE"))["RJ"]) == (0,) * 6


async def test_an_item_whole(client: httpx.AsyncClient) -> None:
    for filters in ({"district": "D1"}, {"facility_id": "PHC-1"}):
        ors = (await groups(client, by="item", **filters))["ORS"]
        assert ors["name"] == "Item ORS"
        assert ors["expiring_value_paise"] == 250
        assert {ors[name] for name in ("facilities", "patients", "prescriptions_today")} == {None}
    assert ors["stocked_according_to_plan"]["rate"] == 1


async def test_pages(client: httpx.AsyncClient) -> None:
    keys: dict[str, list[str | None]] = {
        "facility": ["CHC-1", "PHC-1", "PHC-2", "PHC-3", "PHC-4"],
        "item": ["AMOX", "ORS", "PCM"],
        "programme": [None, "NFSM"],
    }
    for by, expected in keys.items():
        whole = (await ask(client, by=by))["groups"]
        assert [group["key"] for group in whole] == expected
        seen: list[Any] = []
        cursor: dict[str, str] = {}
        for _ in expected:
            page = await ask(client, by=by, limit=1, **cursor)
            cursor = {"cursor": page["next_cursor"]}
            seen += page["groups"]
        assert seen == whole
        assert page["next_cursor"] is None


NEVER: list[tuple[dict[str, str], str]] = [
    ({}, "/by"),
    ({"by": "block"}, "/by"),
    ({"by": "district", "as_of": "2026-01-01T00:00:00Z"}, "/as_of"),
    ({"by": "district", "level": "HUT"}, "/level"),
]


async def test_what_cannot_be_asked(client: httpx.AsyncClient) -> None:
    for parameters, pointer in NEVER:
        answer = await client.get("/v1/summary", params=parameters)
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, parameters
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_a_cursor_of_another_grouping(client: httpx.AsyncClient) -> None:
    cursor = (await ask(client, by="facility", limit=1))["next_cursor"]
    answer = await client.get("/v1/summary", params={"by": "item", "cursor": cursor})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_what_did_not_change_is_not_sent_again(
    client: httpx.AsyncClient, figures: Figures
) -> None:
    asked: dict[str, Any] = {"url": "/v1/summary", "params": {"by": "district"}}
    tag = (await client.get(**asked)).headers["ETag"]
    await figures.add_position("stock-events", 0, 77)
    for named in (tag, f'"other", W/{tag}'):
        again = await client.get(**asked, headers={"If-None-Match": named})
        assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")
        assert again.headers["ETag"] == tag
        assert "Dawalog-Position" in again.headers
    await figures.add_patients("CHC-1", 1, 0, 0)
    changed = await client.get(**asked, headers={"If-None-Match": tag})
    assert changed.status_code == httpx.codes.OK
    assert changed.headers["ETag"] != tag
