"""The page at `/` in a real browser."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.system.service import Service

pytestmark = pytest.mark.timeout(150)

MARKUP = "<img src=x onerror=\"document.title='broken in'\"><b>PHC</b>"


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the console says of errors and warnings; the content security policy's, too."""
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def put(service: Service, path: str, record: dict[str, str]) -> None:
    """Register it and wait until reads know it."""
    answer = httpx.put(f"{service.url}/v1/{path}", json=record)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    asked = {
        "Dawalog-Min-Position": answer.headers["Dawalog-Position"],
        "Prefer": "wait=20",
    }
    known = httpx.get(f"{service.url}/v1/items", headers=asked, timeout=30)
    assert known.status_code == httpx.codes.OK, known.text


def register(service: Service, facility_id: str, name: str, district_id: str = "D1") -> None:
    record = {"name": name, "level": "PHC", "district_id": district_id, "state": "RJ"}
    put(service, f"facilities/{facility_id}", record)


def receive(service: Service, facility_id: str, *lines: dict[str, Any]) -> None:
    event = {
        "event_id": str(uuid4()),
        "type": "stock_received",
        "facility_id": facility_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "lines": list(lines),
    }
    answer = httpx.post(f"{service.url}/v1/events", json=event)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


def test_what_is_posted_appears_by_itself(
    service: Service, page: Page, complaints: list[str]
) -> None:
    register(service, "P1", "PHC Pushkar")
    page.goto(service.url)
    row = page.locator("#facilities tbody tr", has_text="PHC Pushkar")
    expect(row).to_contain_text("never")
    page.evaluate("window.notReloaded = true")

    receive(service, "P1", {"item_id": "PCM", "lot": "A1", "quantity": 500})
    expect(row.locator(".in-stock")).to_have_text("1", timeout=10_000)
    expect(row.locator(".status")).to_have_text("none out")
    event = page.locator("#events li", has_text="PHC Pushkar").first
    expect(event).to_contain_text("PCM × 500")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#age")).to_contain_text("at most")

    receive(service, "P1", {"item_id": "ORS", "lot": "B1", "expiry": "2011-06", "quantity": 7})
    expect(row.locator(".status")).to_have_text("1 out", timeout=10_000)
    assert page.evaluate("window.notReloaded")
    assert complaints == []


def test_markup_in_names_is_text(service: Service, page: Page, complaints: list[str]) -> None:
    register(service, "X1", MARKUP, district_id="X")
    put(service, "districts/X", {"name": MARKUP, "state": "RJ"})
    put(service, "items/X", {"name": MARKUP, "base_unit": "tablet"})
    receive(service, "X1", {"item_id": "X", "lot": "<b>", "quantity": 3})
    page.goto(service.url)
    expect(page.locator("#facilities .name", has_text="<img")).to_have_text(MARKUP)
    expect(page.locator("#facilities .district", has_text="<img")).to_have_text(MARKUP)
    expect(page.locator("#district option", has_text="<img")).to_have_text(MARKUP)
    expect(page.locator("#events li .lines", has_text="<img").first).to_have_text(f"{MARKUP} × 3")
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "Dawalog: live medicine stock"
    assert complaints == []


def test_district_and_order_stand_in_the_address(
    service: Service, page: Page, complaints: list[str]
) -> None:
    register(service, "K1", "PHC Kota", district_id="K")
    register(service, "K2", "PHC Itawa", district_id="K")
    register(service, "J1", "PHC Jaipur", district_id="J")
    put(service, "districts/K", {"name": "Kota", "state": "RJ"})
    page.goto(service.url)
    page.locator("#facilities").get_by_text("PHC Jaipur").wait_for()
    page.get_by_label("District").focus()
    page.get_by_label("District").select_option(label="Kota")
    page.get_by_label("Order").select_option(label="Longest not heard of")
    for _ in range(2):
        expect(page.locator("#facilities tbody tr")).to_have_count(2)
        expect(page.locator("#reporting")).to_have_text("0 of 2")
        assert page.url.endswith("/?district=K&sort=silent")
        page.reload()
    assert complaints == []


def test_a_long_list_has_pages(service: Service, page: Page, complaints: list[str]) -> None:
    records = [
        {
            "kind": "facility",
            "facility_id": f"L{number:03}",
            "name": f"Facility {number}",
            "level": "SC",
            "district_id": "L",
            "state": "RJ",
        }
        for number in range(60)
    ]
    answer = httpx.post(f"{service.url}/v1/reference/batch", json=records)
    assert answer.json()["accepted"] == len(records)
    page.goto(f"{service.url}/?district=L")
    expect(page.locator("#shown")).to_have_text("1 to 20 of 60")
    pages = page.get_by_role("navigation", name="Pages of facilities")
    for last in (40, 60):
        pages.get_by_role("button", name="Next").click()
        expect(page.locator("#shown")).to_have_text(f"{last - 19} to {last} of 60")
    expect(page.locator("#facilities tbody tr")).to_have_count(20)
    expect(pages.get_by_role("button", name="Next")).to_be_disabled()
    pages.get_by_role("button", name="Previous").click()
    expect(page.locator("#shown")).to_have_text("21 to 40 of 60")
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_sticks_out(service: Service, page: Page, width: int) -> None:
    register(service, "W1", "W" * 200, district_id="W")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{service.url}/?district=W")
    page.locator("#facilities").get_by_text("W" * 200).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_says_when_the_figures_are_out_of_reach(service: Service, page: Page) -> None:
    """Last: nothing runs after it."""
    page.goto(service.url)
    expect(page.locator("#connection")).to_have_text("Live")
    assert service.stop() == 0
    expect(page.locator("#connection")).to_contain_text("trying again")
    expect(page.locator("#age")).to_have_text("not refreshed since")
    expect(page.locator("#facilities tbody tr").first).to_be_visible()
