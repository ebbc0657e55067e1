"""Asking a part over HTTP whether it is ready."""

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

ANSWER_SECONDS = 2.5
PAUSE_SECONDS = 0.05
# A frozen part is given up after about 10 s. Counted in failed probes and not by the clock: when
# this process was frozen itself, time has passed in which nobody asked.
FAILURES = 3
BETWEEN_SECONDS = 1.0


async def until_ok(url: str) -> None:
    """Return once a GET answers 200; the caller bounds the time."""
    while await _status(url) != HTTPStatus.OK:
        await asyncio.sleep(PAUSE_SECONDS)


async def until_silent(url: str) -> None:
    """Return once it no longer answers in time, several times in a row."""
    failures = 0
    while failures < FAILURES:
        await asyncio.sleep(BETWEEN_SECONDS)
        failures = 0 if await _status(url) is not None else failures + 1


async def _status(url: str) -> int | None:
    """The status of one GET; None while nothing answers."""
    address = urlsplit(url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                writer.write(f"{request}Connection: close\r\n\r\n".encode())
                line = await reader.readline()
            finally:
                writer.close()
        return int(line.split()[1])
    except (OSError, TimeoutError, ValueError, IndexError):
        return None
