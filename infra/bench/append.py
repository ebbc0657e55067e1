"""`dawalog bench append`: posts a second through our API, beside a bare FastAPI + aiokafka app.

The same poster, the same records, the same uvicorn settings, the same servers, one after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from infra.bench.append_poster import Order
from infra.bench.events import Mix
from infra.bench.posting import run_poster
from infra.bench.report import Report, median_of, say, summarise_ratios
from infra.bench.service import running_service, serving
from infra.bench.stack import BenchStack
from infra.local.ports import LOOPBACK, free_port
from stream.errors import Unavailable

SHAPES: Final = {"single": (64, 1), "batch_500": (4, 500)}
"""(connections, events a post)"""

WARM_UP_SECONDS: Final = 2.0


def measure(stack: BenchStack, *, runs: int, seconds: float) -> Report:
    taken = asyncio.run(_measure(stack, runs=runs, seconds=seconds))
    ratios, spread = summarise_ratios(taken, list(SHAPES))
    rates: list[dict[str, float | str]] = [
        {
            "what": f"{app} {shape}",
            "events_per_second": median_of(of_shape, "posts_per_second") * events,
            "p50_ms": median_of(of_shape, "p50_ms"),
            "p99_ms": median_of(of_shape, "p99_ms"),
        }
        for shape, (_, events) in SHAPES.items()
        for app in ("dawalog", "bare")
        for of_shape in ([run[app][shape] for run in taken],)
    ]
    return Report(name="append", ratios=ratios, spread=spread, rates=rates, runs=taken)


async def _measure(stack: BenchStack, *, runs: int, seconds: float) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    return [await _measure_once(stack, run, seconds) for run in range(runs)]


async def _measure_once(stack: BenchStack, run: int, seconds: float) -> dict[str, Any]:
    """Both apps, in another order each time; only one of them runs at a time."""
    taken: dict[str, Any] = {}
    for name in sorted(("dawalog", "bare"), reverse=run % 2 == 0):
        async with _running(stack, name) as url:
            taken[name] = {}
            for shape, (connections, events) in SHAPES.items():
                order = Order(
                    url=url,
                    connections=connections,
                    events_per_post=events,
                    seconds=seconds,
                    warm_up_seconds=min(WARM_UP_SECONDS, seconds),
                )
                posted = await run_poster(stack, "infra.bench.append_poster", asdict(order))
                if posted["refused"]:
                    raise Unavailable(f"{name} refused {posted['refused']} posts")
                taken[name][shape] = posted
                say(f"run {run + 1}: {name} {shape} {posted}")
    taken["ratios"] = {
        shape: taken["dawalog"][shape]["posts_per_second"]
        / taken["bare"][shape]["posts_per_second"]
        for shape in SHAPES
    }
    return taken


def _running(stack: BenchStack, name: str) -> AbstractAsyncContextManager[str]:
    if name == "dawalog":
        return running_service(stack, Mix(events=0), worker=False)
    return _running_bare(stack)


@asynccontextmanager
async def _running_bare(stack: BenchStack) -> AsyncIterator[str]:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    async with serving(stack.part("bare", "infra.bench.bare_app", str(port)), f"{url}/readyz"):
        yield url
