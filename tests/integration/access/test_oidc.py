"""Tokens of an OpenID Connect issuer, found by discovery over HTTP."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson
import pytest

from api.settings import ApiSettings
from api.token_keys import fetch_by_discovery
from tests.api import running_client
from tests.tokens import AUDIENCE, FakeIssuer, ec_key, rsa_key


class _Server(ThreadingHTTPServer):
    """`documents` by path; no document is a 503."""

    documents: dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        document = self.server.documents.get(self.path)
        self.send_response(503 if document is None else 200)
        self.end_headers()
        self.wfile.write(document if isinstance(document, bytes) else orjson.dumps(document))

    def log_message(self, *_: object) -> None:
        """Not into the test's output."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


@pytest.fixture
def issuer(server: _Server) -> FakeIssuer:
    made = FakeIssuer(issuer=f"http://127.0.0.1:{server.server_port}/realms/state")
    server.documents = {
        "/realms/state/.well-known/openid-configuration": {
            "issuer": made.issuer,
            "jwks_uri": f"http://127.0.0.1:{server.server_port}/keys",
        },
        "/keys": made.key_set(),
    }
    return made


@asynccontextmanager
async def api_for(settings: ApiSettings, issuer: FakeIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """It knows the issuer, and the local one."""
    told = {"oidc_issuer": issuer.issuer, "oidc_audience": AUDIENCE, "oidc_role_claim": "role"}
    async with running_client(settings.model_copy(update=told)) as client:
        yield client


async def status(client: httpx.AsyncClient, token: str) -> int:
    answer = await client.get("/v1/items", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code


def let_fetch(client: httpx.AsyncClient) -> None:
    """As if time had passed since it was last asked for its keys."""
    app = client._transport.app  # type: ignore[attr-defined]
    for each in app.state.services.gate._verifier._issuers.values():
        each.keys._next_fetch_at = 0.0


async def test_its_tokens_count(settings: ApiSettings, server: _Server, issuer: FakeIssuer) -> None:
    async with api_for(settings, issuer) as client:
        assert await status(client, issuer.token()) == 200
        assert await status(client, issuer.token(role="public")) == 403
        assert await status(client, issuer.token(aud="other")) == 401
        assert await status(client, issuer.token(rsa_key("first"))) == 401
        assert await status(client, issuer.token(iss="dawalog-local")) == 401


async def test_keys_are_rotated(settings: ApiSettings, server: _Server, issuer: FakeIssuer) -> None:
    async with api_for(settings, issuer) as client:
        assert await status(client, issuer.token()) == 200
        issuer.keys = [ec_key("second"), *issuer.keys]
        server.documents["/keys"] = issuer.key_set()
        assert await status(client, issuer.token()) == 401  # asked for a moment ago
        let_fetch(client)
        assert await status(client, issuer.token()) == 200
        assert await status(client, issuer.token(issuer.keys[1])) == 200


async def test_it_goes_away_and_comes_back(
    settings: ApiSettings, server: _Server, issuer: FakeIssuer
) -> None:
    keys = server.documents.pop("/keys")
    async with api_for(settings, issuer) as client:
        assert await status(client, issuer.token()) == 503
        server.documents["/keys"] = keys
        let_fetch(client)
        assert await status(client, issuer.token()) == 200
        server.documents.clear()
        assert await status(client, issuer.token(sub="birju")) == 200
        assert await status(client, issuer.token(rsa_key("unknown"))) == 401


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("configuration", {"issuer": "http://127.0.0.1:1", "jwks_uri": "https://127.0.0.1:1/"}),
        ("configuration", {"jwks_uri": "https://127.0.0.1:1/"}),
        ("configuration", {"issuer": None, "jwks_uri": "ftp://127.0.0.1/keys"}),
        ("configuration", {"issuer": None, "jwks_uri": 7}),
        ("configuration", b"<html>"),
        ("configuration", []),
        ("configuration", b"[" * 100_000),
        ("keys", {"keys": 7}),
        ("keys", b'{"keys":' + b" " * (1024 * 1024 + 1) + b"[]}"),
        ("keys", b"\xff"),
    ],
    ids=range(10),
)
async def test_what_it_answers_may_be_anything(
    settings: ApiSettings, server: _Server, issuer: FakeIssuer, path: str, document: Any
) -> None:
    """It is as if it were away; None stands for the issuer's own address."""
    if isinstance(document, dict) and document.get("issuer", "") is None:
        document["issuer"] = issuer.issuer
    whole = "/keys" if path == "keys" else "/realms/state/.well-known/openid-configuration"
    server.documents[whole] = document
    async with api_for(settings, issuer) as client:
        assert await status(client, issuer.token()) == 503


async def test_keys_do_not_come_over_less_than_the_issuer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def answer(_client: object, address: str) -> dict[str, Any]:
        asked.append(address)
        return {"issuer": "https://login.example", "jwks_uri": "http://login.example/keys"}

    monkeypatch.setattr("api.token_keys._get", answer)
    with pytest.raises(ValueError, match="no keys that can be trusted"):
        await fetch_by_discovery("https://login.example")
    assert len(asked) == 1
