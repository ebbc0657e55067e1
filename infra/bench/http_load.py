"""A small HTTP client that costs little beside the server that it drives.

One request at a time on each keep-alive connection; what is sent is made beforehand.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

OK: Final = range(200, 300)


def make_request(url: str, path: str, body: bytes, media_type: str = "application/json") -> bytes:
    """The bytes of a POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def make_read(url: str, path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode()


@dataclass
class Answer:
    """`sent_at` and `answered_at` are monotonic seconds, which all processes share."""

    sent_at: float
    answered_at: float = 0.0
    status: int = 0
    body: bytes = b""


@dataclass(eq=False)
class Connection(asyncio.Protocol):
    """`request` sends and waits for the answer. Raises ConnectionError if the server hangs up."""

    is_open: bool = False
    _transport: asyncio.Transport | None = None
    _answer: Answer = field(default_factory=lambda: Answer(0))
    _waiter: "asyncio.Future[Answer] | None" = None
    _parser: "httptools.HttpResponseParser | None" = None

    async def request(self, request: bytes) -> Answer:
        if self._transport is None or not self.is_open:
            raise ConnectionError("the connection is closed")
        self._parser = httptools.HttpResponseParser(self)
        self._waiter = asyncio.get_running_loop().create_future()
        self._answer = Answer(monotonic())
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        assert self._parser is not None
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error or ConnectionError("the server hung up"))

    # What the parser calls:

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        assert self._parser is not None
        assert self._waiter is not None
        self._answer.answered_at = monotonic()
        self._answer.status = self._parser.get_status_code()
        self._waiter.set_result(self._answer)


async def connect(url: str) -> Connection:
    address = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, address.hostname or "", address.port or 80
    )
    return connection


class Connections:
    """Idle connections; another is opened when all are busy, so that an open load never waits."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: deque[Connection] = deque()

    async def request(self, request: bytes) -> Answer:
        """Servers close idle connections: then it is sent again, on another one."""
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(ConnectionError):
                return await self._request(connection, request)
        return await self._request(await connect(self._url), request)

    async def _request(self, connection: Connection, request: bytes) -> Answer:
        answer = await connection.request(request)
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
