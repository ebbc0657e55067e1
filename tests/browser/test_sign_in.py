"""The page where tokens are asked for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.service import Service, copy_folder

pytestmark = pytest.mark.timeout(150)

DISTRICTS = {"P1": "D1", "P2": "D2"}


@pytest.fixture(scope="module")
def service(
    browser: Browser, stopped_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Two facilities, in two districts."""
    folder = copy_folder(stopped_folder, tmp_path_factory.mktemp("sign-in") / "data")
    made = Service(folder=folder, asks_for_tokens=True)
    try:
        made.start()
        headers = {"Authorization": f"Bearer {made.token('--role', 'nhm')}"}
        for facility_id, district_id in DISTRICTS.items():
            record = {"name": facility_id, "level": "PHC", "state": "RJ"}
            answer = httpx.put(
                f"{made.url}/v1/facilities/{facility_id}",
                json=record | {"district_id": district_id},
                headers=headers,
            )
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        yield made
    finally:
        made.close()


def test_a_token_in_the_address_is_taken_and_taken_out(service: Service, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    token = service.token("--role", "nhm")
    page.goto(f"{service.url}/?sort=silent#token={token}")
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#facilities tbody tr")).to_have_count(2)
    assert page.url == f"{service.url}/?sort=silent"
    assert not any(token in url for url in asked[1:])
    page.reload()
    expect(page.locator("#facilities tbody tr")).to_have_count(2)


def test_without_a_token_it_asks_for_one(service: Service, page: Page) -> None:
    page.goto(service.url)
    expect(page.locator("#connection")).to_have_text("Not signed in")
    assert page.locator("#facilities tbody tr").count() == 0
    page.get_by_label("Token").fill("no token")
    page.get_by_role("button", name="Show the figures").click()
    expect(page.locator("#connection")).to_have_text("Not signed in")
    page.get_by_label("Token").fill(service.token("--role", "nhm"))
    page.get_by_role("button", name="Show the figures").click()
    expect(page.locator("#facilities tbody tr")).to_have_count(2)
    expect(page.locator("#sign-in")).to_be_hidden()


def test_a_districts_officer_chooses_the_district(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/#token={service.token('--role', 'cmho', '--district', 'D1')}")
    expect(page.locator("#notice")).to_contain_text("ask with district=")
    page.goto(f"{service.url}/?district=D1")
    expect(page.locator("#facilities tbody tr")).to_have_count(1)
    expect(page.locator("#facilities tbody tr").first).to_contain_text("P1")
    page.goto(f"{service.url}/?district=D2")
    expect(page.locator("#notice")).to_be_visible()
    assert page.locator("#facilities tbody tr").count() == 0
