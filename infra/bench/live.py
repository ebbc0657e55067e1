"""`dawalog bench live`: how long after its acknowledgement a change is at who reads the stream.

Many streams are open on one API, by a process of their own, each of some facilities, so that each
change is one reader's. Posts go on through the same API. The delay of an event runs from the
answer to its post until bytes have come after which its reader holds the event's position.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from infra.bench.events import EventMaker, Mix, facility_ids
from infra.bench.freshness_poster import Order
from infra.bench.live_reader import READY
from infra.bench.live_reader import Order as ReaderOrder
from infra.bench.posting import run_poster
from infra.bench.report import Report, say, summarise_delays, tell_delays
from infra.bench.service import running_service
from infra.bench.stack import PARTITIONS, BenchStack, require_running
from infra.local.throwaway import running
from stream.errors import Unavailable
from stream.topics import partition_for

RATES: Final = ((20, 1), (100, 10))
"""(posts a second, events a post)"""

WARM_UP_SECONDS: Final = 3.0
LAST_CHANGES_SECONDS: Final = 2.0
"""For what is under way when the last post was answered."""
OPEN_SECONDS: Final = 60.0


def measure(stack: BenchStack, *, streams: int, runs: int, seconds: float) -> Report:
    taken = asyncio.run(_measure(stack, streams=streams, runs=runs, seconds=seconds))
    rates = [{"streams": streams, **rate} for rate in summarise_delays(taken, RATES)]
    return Report(name="live", ratios={}, rates=rates, runs=taken)


async def _measure(
    stack: BenchStack, *, streams: int, runs: int, seconds: float
) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    mix = Mix(events=0)
    groups = [facility_ids(mix)[number::streams] for number in range(streams)]
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
                taken.append(await _measure_rate(stack, order, groups))
                say(f"run {run + 1}: {taken[-1]}")
    return taken


async def _measure_rate(stack: BenchStack, order: Order, groups: list[list[str]]) -> dict[str, Any]:
    came: dict[str, Any] = {}
    async with _reading(stack, ReaderOrder(url=order.url, streams=groups), came):
        posted = await run_poster(stack, "infra.bench.freshness_poster", asdict(order))
        await asyncio.sleep(LAST_CHANGES_SECONDS)
    if posted["refused"]:
        raise Unavailable(f"{posted['refused']} posts were refused")
    delays = _find_delays(order, posted["posts"], groups, came["streams"])
    return {
        "posts_per_second": order.posts_per_second,
        "events_per_post": order.events_per_post,
        "streams": len(groups),
        "events": len(delays),
        **tell_delays(delays),
        "poster_cpu_share": posted["cpu_share"],
        "reader_cpu_share": round(came["cpu_share"], 3),
    }


@asynccontextmanager
async def _reading(
    stack: BenchStack, order: ReaderOrder, came: dict[str, Any]
) -> AsyncIterator[None]:
    """Streams that are open inside; afterwards `came` holds what the process said."""
    part = stack.part(
        "live_reader", "infra.bench.live_reader", orjson.dumps(asdict(order)).decode()
    )
    part.log.unlink(missing_ok=True)
    with running(part) as process:
        async with asyncio.timeout(OPEN_SECONDS):
            while READY not in part.log.read_text():
                require_running(process, part)
                await asyncio.sleep(0.1)
        yield
    came |= orjson.loads(part.log.read_bytes().splitlines()[-1])


def _find_delays(
    order: Order,
    posts: list[dict[str, Any]],
    groups: list[list[str]],
    streams: list[dict[str, Any]],
) -> list[float]:
    """Milliseconds, of each event; 0 where it came before the answer."""
    stream_of = {
        one: stream for group, stream in zip(groups, streams, strict=True) for one in group
    }
    delays = []
    for post, posted_to in zip(posts, _replay(order), strict=True):
        for facility_id in posted_to:
            partition = str(partition_for(facility_id, PARTITIONS))
            stream, next_offset = stream_of[facility_id], post["next_offsets"][partition]
            number = bisect_left(
                stream["held"], next_offset, key=lambda held: held.get(partition, 0)
            )
            if number == len(stream["at"]):
                raise Unavailable(f"a change of {facility_id} never came")
            delays.append(max(0.0, stream["at"][number] - post["at"]) * 1000)
    return delays


def _replay(order: Order) -> Iterator[list[str]]:
    """The facilities of each post, which the poster drew with the same seed."""
    maker, now = EventMaker(Mix(events=0, seed=order.seed)), datetime.now(UTC)
    warm_up = round(order.posts_per_second * order.warm_up_seconds)
    for number in range(warm_up + round(order.posts_per_second * order.seconds)):
        events = [maker.make(now) for _ in range(order.events_per_post)]
        if number >= warm_up:
            yield [event["facility_id"] for event in events]
