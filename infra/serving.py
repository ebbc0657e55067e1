"""Serving the API with uvicorn."""

import gc
import os
import signal
import socket
import sys

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from api.app import create_app
from api.services import Services
from api.settings import AccessSettings, ApiSettings, is_loopback
from api.token_issuer import read_private_key
from infra.disk import watch_disk
from infra.local.failure import CannotStart
from stream.errors import Unavailable

BACKLOG = 2048
GRACE_SECONDS = 10
SILENT_PEER_SECONDS = 30
"""A connection whose peer takes nothing of what is sent for so long is ended."""
COLLECT_AFTER_OBJECTS = 20_000
"""A batch of 1,000 events makes some 30,000."""


def serve_api(*, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises Unavailable when the address is taken, CannotStart when
    nobody could be told from anybody.
    """
    settings = ApiSettings()
    host = host or settings.api_host
    require_access(settings, host)
    if settings.watched_folder is not None:
        watch_disk(settings.watched_folder)
    listener = listen(host, settings.api_port if port is None else port)
    if settings.open_access:
        structlog.get_logger(__name__).warning("open access: no tokens are asked for", host=host)
    # When it has stopped, uvicorn raises the signal that stopped it once more, for whoever handled
    # it before: an orderly stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Server(create_app(settings)).run(sockets=[listener])


def require_access(settings: AccessSettings, host: str) -> None:
    """Raises CannotStart without an issuer of tokens, and for open access from elsewhere; Corrupt
    or Unavailable where the local issuer's key can't be used.
    """
    if settings.open_access:
        if not is_loopback(host):
            raise CannotStart(
                "open access lets anybody do everything, so it is for loopback only, not for "
                f"{host}: set DAWALOG_OIDC_ISSUER and DAWALOG_OIDC_AUDIENCE instead of "
                "DAWALOG_OPEN_ACCESS"
            )
    elif settings.token_key_file is not None:
        read_private_key(settings.token_key_file)
    elif settings.oidc_issuer is None:
        raise CannotStart(
            "nobody's tokens would count: set DAWALOG_OIDC_ISSUER and DAWALOG_OIDC_AUDIENCE, or "
            "DAWALOG_TOKEN_KEY_FILE for tokens by `dawalog token` (on loopback, "
            "DAWALOG_OPEN_ACCESS=true asks for none)"
        )


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI) -> None:
        super().__init__(configure(app))
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Keep the garbage collector from what lives as long as the process.

        Looking through modules and models again and again took 30 % of the time of single posts.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER_OBJECTS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Live streams never end by themselves, and uvicorn waits for every answer's end."""
        services: Services = self._app.state.services
        services.reading.live.close()
        await super().shutdown(sockets)


def configure(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves an app."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """Raises Unavailable when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Unavailable(f"the API can't listen on {host}:{port}: {reason}") from error
    if sys.platform == "linux":  # elsewhere a peer that stopped reading is held longer
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_PEER_SECONDS * 1000)
    return listener
