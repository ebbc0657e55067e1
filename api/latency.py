"""Measuring each request, by route template."""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import RULES, Rule
from api.metrics import HTTP_REQUEST_SECONDS

_CLASSES: Final[Mapping[Rule, str]] = {
    Rule.POST: "post",
    Rule.REGISTER: "register",
    Rule.ENDLESS: "live",
    Rule.OPEN: "else",
}

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class MeasureLatency:
    """ASGI middleware. Paths that match no route share one label, so that labels stay bounded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status_class = "5xx"

        async def send_observed(message: Message) -> None:
            nonlocal status_class
            if message["type"] == "http.response.start":
                status_class = f"{message['status'] // 100}xx"
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            HTTP_REQUEST_SECONDS.labels(
                class_of(method, route), route, method, status_class
            ).observe(perf_counter() - began)


def class_of(method: str, route: str) -> str:
    """What is promised of a route (docs/watching.md); `else`: nothing is."""
    rule = RULES.get(f"{'GET' if method == 'HEAD' else method} {route}", Rule.OPEN)
    return _CLASSES.get(rule, "read")
