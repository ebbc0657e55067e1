"""Ending background tasks, and starting clients that may be told to end meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

AGAIN_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 6.0
"""A request of aiokafka's may take 5 s (`kafka_request_timeout_seconds`)."""


async def end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel it until it has ended; what it raised is looked at by nobody.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which aiokafka uses, swallows a
    cancellation that comes as what it waits for ends (CPython #86296).
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
    if task is not None and not task.cancelled():
        task.exception()


async def start_whole(start: Coroutine[Any, Any, None]) -> None:
    """Await the start of an aiokafka client, and when cancelled let it end before that is raised.

    A client whose start was broken off forgets the connection that it had just opened.
    """
    starting = asyncio.create_task(start)
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=GRACE_SECONDS)
        await end_task(starting)
        raise
