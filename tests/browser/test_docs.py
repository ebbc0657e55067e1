"""The API's own page at `/docs` in a real browser: all of it from this server."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from api.app import create_app

pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The API's address; what stands in its pages needs neither Kafka nor Postgres."""
    config = uvicorn.Config(create_app(), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_docs_are_whole_without_internet(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(request.url))
    page.goto(f"{url}/docs")
    expect(page.locator(".opblock-summary-path").first).to_be_visible(timeout=60_000)
    summary = page.locator("#operations-posting-post_event_v1_events_post .opblock-summary")
    summary.click()
    expect(page.locator(".opblock-body")).to_be_visible(timeout=60_000)
    expect(page.locator(".opblock-body .opblock-section-request-body")).to_contain_text(
        "event_id", timeout=60_000
    )
    assert {one for one in asked if not one.startswith((url, "data:"))} == set()
    assert complaints == []
    context.close()
