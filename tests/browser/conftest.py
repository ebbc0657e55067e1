"""A real browser in front of a real service."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.system.service import Service, copy_folder

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "no chromium to look at the page with: apt-get install chromium"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(20_000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def service(
    browser: Browser, stopped_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """It runs; after the browser, so that nothing is started for nothing."""
    folder = copy_folder(stopped_folder, tmp_path_factory.mktemp("browser") / "data")
    made = Service(folder=folder)
    try:
        made.start()
        yield made
    finally:
        made.close()
