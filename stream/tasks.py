"""Ending background tasks, and what such a task must not leave half done when it is ended."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

AGAIN_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 6.0
"""A request of aiokafka's may take 5 s (`kafka_request_timeout_seconds`)."""


async def end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel it until it has ended; what it raised is looked at by nobody.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which aiokafka uses, swallows a
    cancellation that comes as what it waits for ends (CPython #86296). What the task does about its
    end is therefore cancelled, too, if it takes longer: `run_whole` is for that.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
    if task is not None and not task.cancelled():
        task.exception()


async def run_whole(work: Coroutine[Any, Any, Result]) -> Result:
    """Await an aiokafka client's start or stop; it ends, however often we are cancelled meanwhile.

    A client whose start was broken off forgets the connection that it had just opened; one whose
    stop was broken off never closes what was left.
    """
    running = asyncio.create_task(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _outlast(running)
        raise


async def _outlast(running: "asyncio.Task[Any]") -> None:
    """Wait until it has ended, and break it off after all when that takes too long."""
    clock = asyncio.get_running_loop().time
    patience_ends = clock() + GRACE_SECONDS
    while not running.done():
        left = patience_ends - clock()
        if left <= 0:
            running.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running], timeout=max(left, AGAIN_SECONDS))
    if not running.cancelled():
        running.exception()  # looked at by nobody
