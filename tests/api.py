"""An API in this process, over a test's servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from tests.openapi import contract_of
from tests.stack import Stack


def api_settings(stack: Stack, folder: Path, **given: Any) -> ApiSettings:
    """Those of an API that asks for no tokens, unless `given` says otherwise."""
    usual: dict[str, Any] = {
        "open_access": True,
        "kafka_bootstrap_servers": stack.bootstrap_servers,
        "database_url": stack.database_url,
        "key_file": folder / "keys.json",
        "state": "RJ",
    }
    return ApiSettings(**(usual | given))


@asynccontextmanager
async def running_app(settings: ApiSettings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """It waits a little longer than an API that was asked to wait, and holds each answer against
    the OpenAPI document.
    """

    async def check(answer: httpx.Response) -> None:
        await answer.aread()
        contract_of(app).check(answer)

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://dawalog",
        timeout=40,
        event_hooks={"response": [check]},
    )


@asynccontextmanager
async def running_client(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The client of an API that runs for it alone."""
    async with running_app(settings) as app, client_of(app) as client:
        yield client
