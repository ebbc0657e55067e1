"""What the page says there is to do, who sees to it, and how directives stand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_shortages import post, register, uses
from tests.system.service import Service, copy_folder

pytestmark = pytest.mark.timeout(150)

RECORDS: list[dict[str, Any]] = [
    {"kind": "district", "district_id": "D1", "name": "Ajmer", "state": "RJ"},
    {
        "kind": "item",
        "item_id": "ORS",
        "name": "ORS sachet",
        "base_unit": "sachet",
        "ved": "V",
        "levels": ["PHC"],
    },
    {
        "kind": "directive",
        "directive_id": "USE",
        "title": "The module is in use in every PHC",
        "requires": "module_in_use",
        "levels": ["PHC"],
        "deadline": "2026-11-01",
    },
]


@pytest.fixture(scope="module")
def service(
    browser: Browser, stopped_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A vital item is out at one facility; nobody has the module in use as was told."""
    folder = copy_folder(stopped_folder, tmp_path_factory.mktemp("todo") / "data")
    made = Service(folder=folder)
    try:
        made.start()
        register(made)
        answer = httpx.post(f"{made.url}/v1/reference/batch", json=RECORDS)
        assert answer.json()["accepted"] == len(RECORDS), answer.text
        post(made, *uses("NEEDY", counted=100, used=100), *uses("NEAR", counted=2000, used=70))
        yield made
    finally:
        made.close()


def test_a_district_has_its_work_list(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/?district=D1")
    out = page.locator("#todo li", has_text="An essential item is out of stock: ORS sachet")
    expect(out).to_contain_text("PHC Needy", timeout=20_000)
    expect(out.locator(".status")).to_have_text("critical")
    expect(out).to_contain_text("Ask for the rescue transfer")
    expect(page.locator("#todo-about")).to_contain_text("overdue. The worst first.")

    out.get_by_role("button", name="I see to it").click()
    expect(out).to_contain_text("sees to it", timeout=20_000)
    expect(out.get_by_role("button", name="I see to it")).to_be_hidden()

    out.get_by_role("link", name="How to deal with").click()
    expect(page.locator("h1")).to_contain_text("(out_of_stock)")


def test_the_state_sees_what_is_critical(service: Service, page: Page) -> None:
    page.goto(service.url)
    expect(page.locator("#todo-title")).to_have_text("Critical alerts")
    expect(page.locator("#todo li", has_text="ORS sachet")).to_contain_text("PHC Needy")


def test_a_statement_that_was_refused_is_said_so(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/?district=D1")
    page.route("**/acknowledgement", lambda route: route.abort())
    late = page.locator("#todo li", has=page.get_by_role("button", name="I see to it")).first
    late.get_by_role("button", name="I see to it").click()
    expect(late).to_contain_text("There is no connection.")
    expect(late.get_by_role("button", name="I see to it")).to_be_enabled()


def test_a_directive_stands_in_one_line(service: Service, page: Page) -> None:
    page.goto(service.url)
    line = page.locator("#directives li", has_text="The module is in use in every PHC")
    expect(line.locator(".status")).to_have_text("0 of 4 in use")
    expect(line).to_contain_text("was due 1 Nov 2026 · 2 started · 2 not started")


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out(service: Service, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{service.url}/?district=D1")
    expect(page.locator("#todo li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.goto(f"{service.url}/docs/alerts.md")
    assert page.evaluate("document.documentElement.scrollWidth") == width
