"""Running posters and readers: load comes from processes of their own, and waits for nobody."""

import asyncio
from dataclasses import asdict
from typing import Any, Final

import orjson

from infra.bench.freshness_poster import Order as Posts
from infra.bench.reader import Order as Reads
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


async def read_while_posting(stack: BenchStack, posts: Posts, reads: Reads) -> list[dict[str, Any]]:
    """What the reader took of each server; Unavailable if anything was refused."""
    posted, taken = await asyncio.gather(
        run_poster(stack, "infra.bench.freshness_poster", asdict(posts)),
        run_poster(stack, "infra.bench.reader", asdict(reads)),
    )
    read: list[dict[str, Any]] = taken["read"]
    refused = sum(one["refused"] for one in read)
    if posted["refused"] or refused:
        refusals = " ".join(one["refusal"] for one in read)
        raise Unavailable(f"{posted['refused']} posts, {refused} reads were refused {refusals}")
    return read
