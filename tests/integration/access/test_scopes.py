"""What a scope holds, and that nothing of what is outside of it is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.access.callers import Callers, receipt
from tests.stack import Stack
from tests.workers import running_worker

LATE = (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def register(callers: Callers, facility_id: str, **fields: Any) -> None:
    record = {"name": "N", "level": "PHC", "state": "RJ", **fields}
    answer = await callers.ask(callers.nhm, "PUT", f"/v1/facilities/{facility_id}", json=record)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


async def reaches(callers: Callers, token: str | None, facility_id: str) -> bool:
    answer = await callers.ask(token, "GET", f"/v1/facilities/{facility_id}/stock")
    assert answer.status_code in (200, 403, 404), answer.text
    return answer.status_code != httpx.codes.FORBIDDEN


async def test_parts_are_own_and_what_they_are_part_of_is_not(callers: Callers) -> None:
    hospital = callers.tokens["pharmacist"]
    counter = callers.issue("pharmacist", facilities=["F1-C1"])
    for facility_id, of_hospital, of_counter in (
        ("F1", True, False),
        ("F1-C1", True, True),
        ("F1-C1-A", True, True),
        ("F2", False, False),
        ("NOWHERE", False, False),
    ):
        assert await reaches(callers, hospital, facility_id) is of_hospital
        assert await reaches(callers, counter, facility_id) is of_counter
    assert await reaches(callers, callers.issue("pharmacist", facilities=["NOWHERE"]), "NOWHERE")


async def test_a_facility_changes_its_district(callers: Callers) -> None:
    officer = callers.tokens["cmho"]
    await register(callers, "F1", district_id="D2", valid_from=LATE)
    await register(callers, "F2", district_id="D1")
    assert await reaches(callers, officer, "F1")
    assert await reaches(callers, officer, "F2")
    await register(callers, "F1", district_id="D2")
    assert not await reaches(callers, officer, "F1")
    assert await reaches(callers, officer, "F1-C1")  # in D1 by its own record


async def test_a_part_in_another_district_is_its_officers(callers: Callers) -> None:
    await register(callers, "X", district_id="D2", parent_facility_id="F1")
    assert await reaches(callers, callers.tokens["pharmacist"], "X")
    assert not await reaches(callers, callers.tokens["cmho"], "X")
    assert await reaches(callers, callers.issue("cmho", districts=["D2"]), "X")


async def test_a_ring_of_parents_ends(callers: Callers) -> None:
    await register(callers, "A", district_id="D2", parent_facility_id="B")
    await register(callers, "B", district_id="D2", parent_facility_id="A")
    assert not await reaches(callers, callers.tokens["pharmacist"], "A")


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("cmho", "/v1/overview"),
        ("cmho", "/v1/overview?district=D1&district=D2"),
        ("cmho", "/v1/overview?district=D2&district=D1"),
        ("cmho", "/v1/overview?district="),
        ("cmho", "/v1/reporting"),
        ("cmho", "/v1/reporting?district=D2"),
        ("cmho", "/v1/reporting?district=D1&district=D2"),
        ("pharmacist", "/v1/reporting?district=D1"),
        ("pharmacist", "/v1/overview?facility_id=F1"),
        ("pharmacist", "/v1/overview?district=D1"),
        ("pharmacist", "/v1/discrepancies?district=D1"),
        ("pharmacist", "/v1/discrepancies?facility_id=F1&facility_id=F2"),
        ("pharmacist", "/v1/discrepancies?facility_id=F1&district=D2"),
        ("pharmacist", "/v1/transfers?facility_id=F2"),
        ("cmho", "/v1/transfers?facility_id=F1&district=D2"),
        ("cmho", "/v1/transfers?facility_id=F2&district=D1"),
        ("cmho", "/v1/transfers?FACILITY_ID=F1"),
        ("integration of F1", "/v1/transfers?status=short"),
    ],
)
async def test_no_filter_opens_what_it_does_not_name(
    callers: Callers, role: str, path: str
) -> None:
    answer = await callers.ask(callers.tokens[role], "GET", path)
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
    assert "ask with" in answer.json()["detail"]


async def test_of_a_batch_only_what_is_own_goes_in(callers: Callers) -> None:
    batch = [receipt("F1"), receipt("F2"), {"type": "?"}, receipt("NOWHERE"), receipt("F1-C1")]
    answer = await callers.ask(callers.tokens["pharmacist"], "POST", "/v1/events/batch", json=batch)
    assert answer.status_code == httpx.codes.OK
    body = answer.json()
    assert body["accepted"] == 2
    problems = [result.get("problem", {}).get("status") for result in body["results"]]
    assert problems == [None, 403, 422, 422, None]
    assert body["results"][1]["problem"]["errors"][0]["pointer"] == "/facility_id"


async def test_nobody_posts_what_is_not_own(callers: Callers) -> None:
    for path in ("/v1/events", "/v1/events/check"):
        answer = await callers.ask(callers.tokens["pharmacist"], "POST", path, json=receipt("F2"))
        assert answer.status_code == httpx.codes.FORBIDDEN


@pytest.fixture
async def known(stack: Stack, callers: Callers, tmp_path: Path) -> AsyncIterator[None]:
    """F1 and F2 got the same lot, and it was recalled; reads know it."""
    asking, recall = callers.tokens["integration"], {"lot": "A1", "reason": "bad"}
    positions = []
    for method, path, body in (
        (
            "PUT",
            "/v1/items/PCM",
            {"name": "Paracetamol", "base_unit": "tablet", "levels": ["PHC"]},
        ),
        ("PUT", "/v1/recalls/R1", {"item_id": "PCM", **recall}),
        ("POST", "/v1/events", receipt("F1")),
        ("POST", "/v1/events", receipt("F2")),
    ):
        answer = await callers.ask(asking, method, path, json=body)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        positions.append(answer.headers["Dawalog-Position"])
    with running_worker(stack, tmp_path / "worker.log"):
        headers = {"Dawalog-Min-Position": ",".join(positions), "Prefer": "wait=30"}
        answer = await callers.client.get(
            "/v1/items", headers={**headers, "Authorization": f"Bearer {asking}"}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        yield


@pytest.mark.usefixtures("known")
async def test_what_is_told_of_others(callers: Callers) -> None:
    await check_recall(callers)
    await check_overview(callers)
    await check_reporting(callers)
    await check_availability(callers)
    await check_recorded_by(callers)


async def check_recall(callers: Callers) -> None:
    for role, facilities in (
        ("pharmacist", ["F1"]),
        ("cmho", ["F1"]),
        ("integration of D1", ["F1"]),
        ("nhm", ["F1", "F2"]),
    ):
        answer = await callers.ask(callers.tokens[role], "GET", "/v1/recalls/R1?limit=1")
        trace = answer.json()
        assert trace["on_hand"] == 500 * len(facilities)
        told = [holding["facility_id"] for holding in trace["holdings"]]
        if trace["next_cursor"]:
            path = f"/v1/recalls/R1?cursor={trace['next_cursor']}"
            more = (await callers.ask(callers.tokens[role], "GET", path)).json()
            told += [holding["facility_id"] for holding in more["holdings"]]
        assert told == facilities


async def check_overview(callers: Callers) -> None:
    officer = await callers.ask(callers.tokens["cmho"], "GET", "/v1/overview?district=D1")
    assert [event["facility_id"] for event in officer.json()["newest_events"]] == ["F1"]
    assert {each["district_id"] for each in officer.json()["facilities"]} == {"D1"}
    whole = (await callers.ask(callers.nhm, "GET", "/v1/overview")).json()
    assert {event["facility_id"] for event in whole["newest_events"]} == {"F1", "F2"}
    assert officer.json()["events_per_second"] == round(1 / 60, 2)
    assert whole["events_per_second"] == round(2 / 60, 2)


async def check_reporting(callers: Callers) -> None:
    """F1 was heard of a moment ago, its parts never; F2 too, of which D1 is told nothing."""
    answer = await callers.ask(callers.tokens["cmho"], "GET", "/v1/reporting?district=D1")
    listed = {one["facility_id"]: one for one in answer.json()["facilities"]}
    assert listed.keys() == {"F1"}
    live = listed["F1"]
    assert (live["reporting"], live["rule"], live["open_gaps"]) == ("live", "heard_in_time", 0)
    assert live["delay_seconds"]["median"] == live["delay_seconds"]["p95"] < 60
    assert live["last_heard_at"].endswith("Z")
    path = "/v1/reporting?district=D1&parent=F1"
    parts = (await callers.ask(callers.tokens["cmho"], "GET", path)).json()["facilities"]
    assert [(p["facility_id"], p["reporting"]) for p in parts] == [("F1-C1", "not_started")]
    path = "/v1/facilities/F1/reporting"
    one = (await callers.ask(callers.tokens["pharmacist"], "GET", path)).json()
    assert one == live | {"taken_at": one["taken_at"]}
    assert await page_through(callers, "/v1/reporting?limit=1") == [["F1"], ["F2"]]
    path = "/v1/reporting?reporting=live"
    assert await page_through(callers, f"{path}&limit=1") == [["F1"], ["F2"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.reporting.LOOKED_AT", 1)
        assert await page_through(callers, path) == [["F1"], ["F2"]]
        silent = "/v1/reporting?reporting=silent"
        assert await page_through(callers, silent) == [[], []]
    for facility_id, expected in (("F1", "live"), ("F1-C1", "not_started")):
        stock = await callers.ask(callers.nhm, "GET", f"/v1/facilities/{facility_id}/stock")
        assert stock.json()["reporting"] == expected
    then = await callers.ask(
        callers.nhm, "GET", "/v1/facilities/F1/stock?as_of=2026-01-01T00:00:00Z"
    )
    assert then.json()["reporting"] is None
    unknown = await callers.ask(callers.nhm, "GET", "/v1/facilities/NOWHERE/reporting")
    assert unknown.status_code == httpx.codes.NOT_FOUND


async def page_through(callers: Callers, path: str) -> list[list[str]]:
    """Each page's facilities."""
    pages: list[list[str]] = []
    cursor = ""
    while len(pages) < 9:
        page = (await callers.ask(callers.nhm, "GET", path + cursor)).json()
        pages.append([each["facility_id"] for each in page["facilities"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    return pages


async def check_availability(callers: Callers) -> None:
    """The only lot is recalled, and nobody has counted whether there is another."""
    answer = await callers.ask(None, "GET", "/v1/availability/F1")
    body = answer.json()
    assert body["items"] == [{"item_id": "PCM", "name": "Paracetamol", "availability": "unknown"}]
    assert body["last_heard_at"] is not None
    assert body["facility_id"] == "F1"
    assert "Dawalog-Position" not in answer.headers
    assert "Dawalog-As-Of" in answer.headers
    unknown = await callers.ask(None, "GET", "/v1/availability/NOWHERE")
    assert unknown.status_code == httpx.codes.NOT_FOUND


async def check_recorded_by(callers: Callers) -> None:
    [event] = (await callers.ask(callers.nhm, "GET", "/v1/facilities/F1/events")).json()["events"]
    assert (event["recorded_by"], event["source"]) == ("local:integration", "integration")
