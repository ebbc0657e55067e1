"""Serving the API with uvicorn."""

import os
import signal
import socket

import uvicorn

from api.app import create_app
from api.settings import ApiSettings
from stream.errors import Unavailable

BACKLOG = 2048
GRACE_SECONDS = 10


def serve_api(*, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raises Unavailable when the address is taken."""
    settings = ApiSettings()
    listener = _listen(host or settings.api_host, settings.api_port if port is None else port)
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # When it has stopped, uvicorn raises the signal that stopped it once more, for whoever handled
    # it before: an orderly stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Unavailable(f"the API can't listen on {host}:{port}: {reason}") from error
