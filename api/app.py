"""The API, composed: the one place where its parts are made and its routes put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from api import (
    actions,
    alert_commands,
    alerts,
    availability,
    card,
    catalogue,
    changes,
    checking,
    commands,
    day_book,
    discrepancies,
    health,
    item_stock,
    live,
    log_contract,
    manual,
    overview,
    pages,
    recalls,
    reference,
    reporting,
    rescue,
    shortages,
    standing,
    stock,
    stock_metrics,
    stock_outs,
    summary,
    swagger,
    transfers,
)
from api.access_guard import Gate, guard_routes
from api.access_openapi import document
from api.directory import Directory
from api.known_ids import KnownIds
from api.latency import MeasureLatency
from api.new_keys import NewKeys
from api.problems import add_problem_handlers
from api.rate_limit import RateLimit
from api.reading import Reading
from api.security_headers import SetSecurityHeaders
from api.services import Services
from api.settings import ApiSettings
from api.trusted_issuers import create_verifier
from projections.reading import ReadModel
from stream.keyring import KeyRing
from stream.log import EventLog


def create_app(settings: ApiSettings | None = None) -> FastAPI:
    """The ASGI app. Its settings are the environment's unless given; nothing starts before it runs.

    It starts with Kafka or Postgres away, too, and says so in `/readyz` until they come.
    """
    settings = settings or ApiSettings()
    app = FastAPI(
        title="Dawalog",
        version=version("dawalog"),
        lifespan=partial(_lifespan, settings),
        redirect_slashes=False,
        docs_url=None,  # api.swagger: FastAPI's own comes from elsewhere
        redoc_url=None,
    )
    app.add_middleware(MeasureLatency)
    app.add_middleware(SetSecurityHeaders)
    add_problem_handlers(app)
    for module in (
        commands,
        checking,
        reference,
        stock,
        card,
        day_book,
        discrepancies,
        transfers,
        recalls,
        overview,
        reporting,
        summary,
        item_stock,
        shortages,
        stock_outs,
        rescue,
        actions,
        alerts,
        alert_commands,
        live,
        manual,
        changes,
        catalogue,
        standing,
        availability,
        health,
        stock_metrics,
        pages,
        swagger,
        log_contract,
    ):
        # as include_router does, but for a second look for the route on each request
        app.router.routes.extend(module.router.routes)
    guard_routes(app)
    app.openapi = partial(document, app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


@asynccontextmanager
async def _lifespan(settings: ApiSettings, app: FastAPI) -> AsyncIterator[None]:
    keys = KeyRing(settings.key_file, settings.state, makes=False)
    keys.check()
    read_model = ReadModel(settings)
    directory = Directory(read_model)
    verifier = None if settings.open_access else create_verifier(settings)
    services = Services(
        settings=settings,
        log=EventLog(settings),
        keys=keys,
        new_keys=NewKeys(keys, read_model),
        read_model=read_model,
        directory=directory,
        known=KnownIds(read_model, directory),
        gate=Gate(directory, RateLimit(settings.rate_limit), verifier),
        reading=Reading(read_model, database=settings, kafka=settings),
    )
    app.state.services = services
    await read_model.start()
    await services.log.start()
    await services.directory.start()
    await services.reading.start()
    if verifier is not None:
        await verifier.start()
    try:
        yield
    finally:
        if verifier is not None:
            await verifier.stop()
        await services.reading.stop()
        await services.directory.stop()
        await services.log.stop()
        await read_model.stop()
