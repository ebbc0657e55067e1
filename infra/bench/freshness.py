"""`dawalog bench freshness`: how long after its acknowledgement a post shows in the stock.

Posted through the real API by a process of its own. Visible is when a reader that is woken by the
projector's NOTIFY has read positions that cover the post: what a read with Dawalog-Min-Position
waits for, so waking and reading are part of the delay.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from dataclasses import asdict
from time import monotonic
from typing import Any, Final

import asyncpg

from infra.bench.events import Mix
from infra.bench.freshness_poster import Order
from infra.bench.posting import run_poster
from infra.bench.report import Report, say, summarise_delays, tell_delays
from infra.bench.service import running_service
from infra.bench.stack import BenchStack
from projections.announcing import CHANNEL
from stream.errors import Unavailable
from stream.topics import STOCK_EVENTS

RATES: Final = ((20, 1), (100, 1), (100, 10))
"""(posts a second, events a post)"""

WARM_UP_SECONDS: Final = 3.0
LATEST_SECONDS: Final = 30.0

POSITIONS: Final = "SELECT partition, next_offset FROM position WHERE topic = $1"


def measure(stack: BenchStack, *, runs: int, seconds: float) -> Report:
    taken = asyncio.run(_measure(stack, Mix(events=0), runs=runs, seconds=seconds))
    return Report(name="freshness", ratios={}, rates=summarise_delays(taken, RATES), runs=taken)


async def _measure(
    stack: BenchStack, mix: Mix, *, runs: int, seconds: float
) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    taken: list[dict[str, Any]] = []
    async with running_service(stack, mix, worker=True) as url:
        for run in range(runs):
            for posts, events in RATES:
                order = Order(
                    url=url,
                    posts_per_second=posts,
                    events_per_post=events,
                    seconds=seconds,
                    warm_up_seconds=min(WARM_UP_SECONDS, seconds),
                    seed=len(taken),
                )
                taken.append(await _measure_rate(stack, order))
                say(f"run {run + 1}: {taken[-1]}")
    return taken


async def _measure_rate(stack: BenchStack, order: Order) -> dict[str, Any]:
    observer = Observer(await stack.connect())
    observing = asyncio.create_task(observer.run())
    try:
        posted = await run_poster(stack, "infra.bench.freshness_poster", asdict(order))
        delays = [await observer.delay_ms(post) for post in posted["posts"]]
    finally:
        observing.cancel()
        await asyncio.wait([observing])
        await observer.connection.close()
    if posted["refused"] or not delays:
        raise Unavailable(f"{posted['refused']} posts were refused, {len(delays)} taken")
    return {
        "posts_per_second": order.posts_per_second,
        "events_per_post": order.events_per_post,
        "posts": len(delays),
        **tell_delays(delays),
        "poster_cpu_share": posted["cpu_share"],
    }


class Observer:
    """Notes when each position was seen."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self.connection = connection
        self._seen: dict[int, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        self._news = asyncio.Event()
        self._looked = asyncio.Event()

    async def run(self) -> None:
        await self.connection.add_listener(CHANNEL, lambda *_: self._news.set())
        look = await self.connection.prepare(POSITIONS)
        while True:
            self._news.clear()
            self._note(await look.fetch(STOCK_EVENTS), monotonic())
            self._looked.set()
            self._looked = asyncio.Event()
            await self._news.wait()

    async def delay_ms(self, post: dict[str, Any]) -> float:
        """From the acknowledgement until all of the post was seen; 0 if that came first."""
        seen_at = [
            await self._seen_at(int(partition), next_offset)
            for partition, next_offset in post["next_offsets"].items()
        ]
        acknowledged_at: float = post["at"]
        return max(0.0, max(seen_at) - acknowledged_at) * 1000

    async def _seen_at(self, partition: int, next_offset: int) -> float:
        offsets, instants = self._seen[partition]
        async with asyncio.timeout(LATEST_SECONDS):
            while not offsets or offsets[-1] < next_offset:
                await self._looked.wait()
        return instants[bisect_left(offsets, next_offset)]

    def _note(self, rows: list[asyncpg.Record], now: float) -> None:
        for partition, next_offset in rows:
            offsets, instants = self._seen[partition]
            if not offsets or offsets[-1] < next_offset:
                offsets.append(next_offset)
                instants.append(now)
