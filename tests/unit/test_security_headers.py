"""What every answer tells a browser."""

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.problems import add_problem_handlers
from api.security_headers import SECURITY_HEADERS, SetSecurityHeaders


async def headers_of(path: str, scheme: str = "http") -> httpx.Headers:
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://dawalog") as client:
        return (await client.get(path)).headers


@pytest.mark.parametrize(
    "path", ["/healthz", "/nothing", "/docs", "/openapi.json", "/", "/metrics"]
)
async def test_every_answer_has_them(path: str) -> None:
    headers = await headers_of(path)
    for name in SECURITY_HEADERS:
        assert len(headers.get_list(name)) == 1
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


async def test_the_page_keeps_its_own() -> None:
    headers = await headers_of("/")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-cache"


async def test_https_is_to_stay() -> None:
    headers = await headers_of("/healthz", "https")
    assert "max-age=" in headers["Strict-Transport-Security"]


async def test_a_failure_has_them_too() -> None:
    app = FastAPI()
    app.add_middleware(SetSecurityHeaders)
    add_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise ZeroDivisionError

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dawalog") as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
