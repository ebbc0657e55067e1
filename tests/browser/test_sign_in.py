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
            named = {"name": facility_id, "state": "RJ", "district_id": district_id}
            records = [
                {"kind": "district", **named},
                {"kind": "facility", "facility_id": facility_id, "level": "PHC", **named},
            ]
            answer = httpx.post(f"{made.url}/v1/reference/batch", json=records, headers=headers)
            assert answer.json()["accepted"] == len(records), answer.text
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
    expect(page.locator("#why-sign-in")).to_contain_text("This token doesn't count.")
    expect(page.locator("#connection")).to_have_text("Not signed in")
    page.get_by_label("Token").fill(service.token("--role", "nhm"))
    page.get_by_role("button", name="Show the figures").click()
    expect(page.locator("#facilities tbody tr")).to_have_count(2)
    expect(page.locator("#sign-in")).to_be_hidden()


def test_whoever_signed_in_can_sign_out(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/#token={service.token('--role', 'public')}")
    expect(page.locator("#notice")).to_contain_text("sign out and use another token")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#why-sign-in")).to_contain_text("The figures need a token.")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    page.reload()
    expect(page.locator("#connection")).to_have_text("Not signed in")


def test_a_districts_officer_sees_the_district(service: Service, page: Page) -> None:
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if not answer.ok else None)
    page.goto(f"{service.url}/#token={service.token('--role', 'cmho', '--district', 'D1')}")
    expect(page.locator("#facilities tbody tr")).to_have_count(1)
    expect(page.locator("#facilities tbody tr").first).to_contain_text("P1")
    assert page.url == f"{service.url}/?district=D1"
    assert refused == []
    page.get_by_label("District").focus()
    page.get_by_label("District").select_option("D2")
    expect(page.locator("#notice")).to_contain_text("doesn't reach this district")
    expect(page.locator("#connection")).to_have_text("Not yours to see")
    expect(page.locator("#figures")).to_be_hidden()
    page.get_by_label("District").select_option("D1")
    expect(page.locator("#figures")).to_be_visible()
    expect(page.locator("#notice")).to_be_hidden()


def test_an_officer_of_several_districts_chooses(service: Service, page: Page) -> None:
    token = service.token("--role", "cmho", "--district", "D1", "--district", "D2")
    page.goto(f"{service.url}/#token={token}")
    expect(page.locator("#notice")).to_contain_text("Choose yours at the top")
    page.goto(f"{service.url}/?district=D2")
    expect(page.locator("#facilities tbody tr").first).to_contain_text("P2")
