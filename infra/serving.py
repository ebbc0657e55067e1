"""Serving the API with uvicorn."""

import gc
import os
import signal
import socket

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app
from api.settings import ApiSettings
from stream.errors import Unavailable

BACKLOG = 2048
GRACE_SECONDS = 10
COLLECT_AFTER_OBJECTS = 20_000
"""A batch of 1,000 events makes some 30,000."""


def serve_api(*, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raises Unavailable when the address is taken."""
    settings = ApiSettings()
    listener = listen(host or settings.api_host, settings.api_port if port is None else port)
    # When it has stopped, uvicorn raises the signal that stopped it once more, for whoever handled
    # it before: an orderly stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Server(configure(create_app(settings))).run(sockets=[listener])


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Keep the garbage collector from what lives as long as the process.

        Looking through modules and models again and again took 30 % of the time of single posts.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER_OBJECTS)


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
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Unavailable(f"the API can't listen on {host}:{port}: {reason}") from error
