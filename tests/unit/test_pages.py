"""The page's files: complete, and of this server alone."""

import re

import httpx
import pytest

from api.app import create_app
from api.pages import ASSETS, PAGE


@pytest.fixture
async def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app())
    return httpx.AsyncClient(transport=transport, base_url="http://dawalog")


async def test_page_allows_its_own_files_only(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_file_that_is_named_is_served(client: httpx.AsyncClient) -> None:
    texts = [asset.content.decode() for asset in (PAGE, *ASSETS.values())]
    named = {name for text in texts for name in re.findall(r'(?:/assets/|"\./)([\w.]+)"', text)}
    assert named == set(ASSETS)
    for name in named:
        assert (await client.get(f"/assets/{name}")).status_code == httpx.codes.OK


async def test_nothing_comes_from_elsewhere_and_no_markup_is_made_of_text() -> None:
    for asset in (PAGE, *ASSETS.values()):
        text = asset.content.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in re.sub(r"(?m)^\s*// .*$|;\s*// .*$", "", text)
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)


async def test_browsers_ask_whether_it_changed(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/assets/page.js")).headers["ETag"]
    again = await client.get("/assets/page.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")


async def test_other_names_are_no_files(client: httpx.AsyncClient) -> None:
    for path in ("/assets/none.js", "/assets/..%2F__init__.py", "/assets/__init__.py"):
        assert (await client.get(path)).status_code == httpx.codes.NOT_FOUND
