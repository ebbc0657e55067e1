"""What the page says of shortages, of who could help, and of who doesn't report."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.system.service import Service, copy_folder

pytestmark = pytest.mark.timeout(150)

NORM = {"lead_time_days": 7, "safety_days": 7, "review_days": 30, "window_days": 30}
PLACES = {
    "NEEDY": ("PHC Needy", 26.0),
    "NEAR": ("PHC Near", 26.1),
    "FAR": ("PHC Far", 27.0),
    "NEVER": ("District Hospital Never", 26.5),
}


@pytest.fixture(scope="module")
def service(
    browser: Browser, stopped_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One facility has used up what two others have too much of; a fourth posts nothing."""
    folder = copy_folder(stopped_folder, tmp_path_factory.mktemp("shortages") / "data")
    made = Service(folder=folder)
    try:
        made.start()
        register(made)
        post(made, *uses("NEEDY", counted=100, used=100), *uses("NEAR", counted=2000, used=70))
        post(made, *uses("FAR", counted=9000, used=70))
        post(made, *(counts_anew("NEAR", 1930) for _ in range(3)))
        yield made
    finally:
        made.close()


def register(service: Service) -> None:
    records: list[dict[str, Any]] = [
        {
            "kind": "facility",
            "facility_id": facility_id,
            "name": name,
            "level": "PHC",
            "district_id": "D1",
            "state": "RJ",
            "location": {"lat": lat, "lon": 74.0},
        }
        for facility_id, (name, lat) in PLACES.items()
    ]
    records.append(
        {
            "kind": "item",
            "item_id": "ORS",
            "name": "ORS sachet",
            "base_unit": "sachet",
            "levels": ["PHC"],
        }
    )
    records.append({"kind": "norm", "norm_id": "ALL", **NORM})
    answer = httpx.post(f"{service.url}/v1/reference/batch", json=records)
    assert answer.json()["accepted"] == len(records), answer.text


def post(service: Service, *events: dict[str, Any]) -> None:
    """And wait until reads know them."""
    answer = httpx.post(f"{service.url}/v1/events/batch", json=list(events))
    assert answer.json()["accepted"] == len(events), answer.text
    asked = {"Dawalog-Min-Position": answer.json()["position"], "Prefer": "wait=20"}
    assert httpx.get(f"{service.url}/v1/items", headers=asked, timeout=30).is_success


def event(facility_id: str, kind: str, days_ago: float, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "type": kind,
        "facility_id": facility_id,
        "occurred_at": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
        **fields,
    }


def uses(facility_id: str, *, counted: int, used: int) -> list[dict[str, Any]]:
    line = {"item_id": "ORS", "lot": "A1"}
    counts = [line | {"expiry": "2031-05", "counted": counted}]
    return [
        event(facility_id, "stock_counted", 20, complete=True, lines=counts),
        event(
            facility_id, "medicine_dispensed", 3, channel="opd", lines=[line | {"quantity": used}]
        ),
    ]


def counts_anew(facility_id: str, counted: int) -> dict[str, Any]:
    lines = [{"item_id": "ORS", "lot": "A1", "counted": counted}]
    return event(facility_id, "stock_counted", 0, lines=lines)


def shortage(page: Page) -> Locator:
    return page.locator("#shortages tbody tr", has_text="ORS sachet").first


def pass_refreshes(page: Page, number: int) -> None:
    for _ in range(number):
        with page.expect_response("**/v1/summary?*"):
            pass


def test_says_what_is_available_and_what_that_leaves_out(service: Service, page: Page) -> None:
    page.goto(service.url)
    expect(page.locator("#available")).to_have_text("66.66%")
    expect(page.locator("#available-of")).to_have_text("2 of 3 counted, 1 out")
    expect(page.locator("#available-without")).to_have_text("left out: 1 facility not started")
    expect(page.locator("#reporting")).to_have_text("3 of 4")
    expect(page.locator("#not-reporting")).to_have_text("0 silent · 2 late · 1 not started")
    never = page.locator("#reports li", has_text="District Hospital Never")
    expect(never.locator(".status")).to_have_text("Not started")
    late = page.locator("#reports li", has_text="PHC Needy")
    expect(late).to_contain_text("half of what it sent came 12 days late or more")
    row = page.locator("#facilities tbody tr", has_text="District Hospital Never")
    expect(row.locator(".status")).to_have_text("not started")


def test_one_step_deeper_is_who_could_send_some(service: Service, page: Page) -> None:
    page.goto(service.url)
    row = shortage(page)
    expect(row).to_contain_text("PHC Needy")
    expect(row.locator(".out-for")).to_have_text("3 days")
    expect(row.locator(".near")).to_contain_text("PHC Near")
    opens = row.get_by_role("button", name="ORS sachet")
    expect(opens).to_have_attribute("aria-expanded", "false")
    opens.focus()
    page.keyboard.press("Enter")
    expect(opens).to_have_attribute("aria-expanded", "true")
    opened = page.locator(f"#{opens.get_attribute('aria-controls')}")
    told = httpx.get(f"{service.url}/v1/facilities/NEEDY/items/ORS/rescue").json()
    needed, donor = told["needed"], told["donors"][0]
    expect(opened).to_contain_text(f"PHC Needy needs {needed} to be at its maximum.")
    near, far = opened.locator(".offers > li").all()
    expect(near).to_contain_text("PHC Near, 11.1 km away")
    expect(near).to_contain_text(f"can give {needed}, first to expire May 2031")
    keeps = f"keeps {donor['left_with']:,}; its own maximum is {donor['max_quantity']}"
    expect(near).to_contain_text(keeps)
    expect(far).to_contain_text("PHC Far, 111.2 km away")
    near.locator("summary").click()
    expect(near).to_contain_text(f"To be sent: {needed} of lot A1 (May 2031).")
    draft = near.locator("pre").inner_text()
    near.locator("summary").focus()
    pass_refreshes(page, 6)  # the offers are asked for again, too
    expect(opens).to_have_attribute("aria-expanded", "true")
    expect(near.locator("summary")).to_be_focused()
    assert near.locator("pre").inner_text() == draft
    checked = httpx.post(
        f"{service.url}/v1/events/check", json=json.loads(draft) | {"event_id": str(uuid4())}
    )
    assert checked.json() == {"warnings": []}, checked.text


def test_nothing_jumps_at_a_refresh(service: Service, page: Page) -> None:
    page.goto(service.url)
    shortage(page).get_by_role("button").click()
    expect(page.locator(".offers > li")).to_have_count(2)
    pass_refreshes(page, 1)
    page.evaluate(
        """() => {
            window.jumps = [];
            new PerformanceObserver((list) => window.jumps.push(...list.getEntries().map(
                (entry) => entry.sources.map((source) => source.node?.outerHTML ?? ""))))
                .observe({ type: "layout-shift" });
        }"""
    )
    pass_refreshes(page, 4)
    assert page.evaluate("window.jumps") == []


@pytest.mark.parametrize("width", [360, 1280])
def test_an_opened_row_sticks_out_nowhere(service: Service, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(service.url)
    shortage(page).get_by_role("button").click()
    page.locator(".offers summary").first.click()
    expect(page.locator(".offers pre").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_offers_that_cannot_be_had_are_said_so(service: Service, page: Page) -> None:
    page.route("**/rescue?*", lambda route: route.abort())
    page.goto(service.url)
    shortage(page).get_by_role("button").click()
    expect(page.locator("tr.opened")).to_contain_text(
        "The offers can't be had now. There is no connection."
    )
    page.unroute("**/rescue?*")
    expect(page.locator(".offers > li")).to_have_count(2, timeout=15_000)
    page.route(
        "**/rescue?*",
        lambda route: route.fulfill(
            status=503,
            content_type="application/problem+json",
            body='{"status": 503, "detail": "The database is away."}',
        ),
    )
    expect(page.locator("tr.opened")).to_contain_text("The database is away.", timeout=15_000)
    expect(page.locator(".offers > li")).to_have_count(2)


def test_an_opened_shortage_stays_when_it_ends(service: Service, page: Page) -> None:
    """Last: nothing is out after it."""
    page.goto(service.url)
    shortage(page).get_by_role("button").click()
    expect(page.locator(".offers > li")).to_have_count(2)
    post(service, counts_anew("NEEDY", 300))
    expect(shortage(page).locator(".out-for")).to_have_text("there again", timeout=10_000)
    expect(page.locator("tr.opened")).to_contain_text("It is there again.")
    expect(page.locator("#available")).to_have_text("100.0%")
    shortage(page).get_by_role("button").click()
    expect(page.locator("#shortages tbody tr")).to_have_count(0)
    expect(page.locator("#no-shortages")).to_be_visible()
