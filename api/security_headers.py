"""What every answer tells the browser that may show it."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HTTPS_ONLY: Final = b"max-age=31536000"

_RAW: Final = tuple(
    (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
)


class SetSecurityHeaders:
    """ASGI middleware. A header that the route set itself stays.

    HTTPS_ONLY is said over HTTPS, which the server believes of X-Forwarded-Proto from the proxies
    that FORWARDED_ALLOW_IPS names.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [pair for pair in _RAW if pair[0] not in present]
                if scope["scheme"] == "https":
                    headers.append((b"strict-transport-security", HTTPS_ONLY))
            await send(message)

        await self._app(scope, receive, send_with_headers)
