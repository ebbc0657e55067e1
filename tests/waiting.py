"""Waiting on conditions, never on the clock."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> float:
    """Ask until it holds; returns how many seconds that took. Fails after `seconds`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await condition():
        assert loop.time() - began < seconds, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
    return loop.time() - began
