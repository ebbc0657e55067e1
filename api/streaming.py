"""Answers that go on for long."""

from contextlib import AsyncExitStack
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.responses import ContentStream
from starlette.types import Receive, Scope, Send

NOT_KEPT: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""For proxies: neither keep it nor wait for its end."""


class LongAnswer(StreamingResponse):
    """Lets go of what it holds when it ends, also where it never began."""

    def __init__(
        self,
        content: ContentStream,
        *,
        holds: AsyncExitStack,
        media_type: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=NOT_KEPT | (headers or {}))
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._holds:
            await super().__call__(scope, receive, send)
