"""Running a poster: load comes from a process of its own, so that it doesn't wait for ours."""

import asyncio
from typing import Any, Final

import orjson

from infra.bench.stack import BenchStack
from infra.local.throwaway import running
from stream.errors import Unavailable

POLL_SECONDS: Final = 0.1


async def run_poster(stack: BenchStack, module: str, order: dict[str, Any]) -> dict[str, Any]:
    """Run a poster or reader to its end and return what it printed; Unavailable if it failed."""
    part = stack.part(module.rpartition(".")[2], module, orjson.dumps(order).decode())
    part.log.unlink(missing_ok=True)
    with running(part) as process:
        while process.poll() is None:
            await asyncio.sleep(POLL_SECONDS)
    if process.returncode:
        raise Unavailable(f"{part.name} ended: {part.last_words()}")
    posted: dict[str, Any] = orjson.loads(part.log.read_bytes().splitlines()[-1])
    return posted
