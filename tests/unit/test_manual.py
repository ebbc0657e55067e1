"""The manual that officers are sent to: every page of docs/, its links, and nothing else."""

import re
from pathlib import Path

import httpx
import pytest

from alerts.rules import RULES
from api.app import create_app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


@pytest.fixture
async def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app())
    return httpx.AsyncClient(transport=transport, base_url="http://dawalog")


async def test_each_rule_sends_to_a_page_that_there_is(client: httpx.AsyncClient) -> None:
    for rule in RULES.values():
        answer = await client.get(rule.runbook)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"({rule.id})</h1>" in answer.text


@pytest.mark.parametrize("page", PAGES)
async def test_pages_lead_to_pages(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(f"/docs/{page}")
    assert answer.status_code == httpx.codes.OK
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for link in re.findall(r'(?:href|src)="([^"#:]+\.(?:md|png))', answer.text):
        linked = await client.get(str(answer.url.join(link).path))
        assert linked.status_code == httpx.codes.OK, link


async def test_nothing_else_is_served(client: httpx.AsyncClient) -> None:
    for path in ("../README.md", "..%2FREADME.md", "none.md", "runbooks", "a/b/c.md", "guide"):
        answer = await client.get(f"/docs/{path}")
        assert answer.status_code == httpx.codes.NOT_FOUND, path
