"""`dawalog bench alerting`: how long after its acknowledgement what an event caused is an alert.

Posted as in `freshness`, by the same process; one dispense of ten takes all that there is of an
item. Visible is when `GET /v1/alerts`, asked over and over, has answered with the alert: looking,
appending, projecting, and up to a poll's time of waiting for the next answer are in it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, replace
from time import monotonic
from typing import Any, Final

import orjson

from infra.bench.events import (
    START,
    EventMaker,
    Mix,
    facility_ids,
    item_ids,
    opening_counts,
    scarce_ids,
    uses_up,
)
from infra.bench.freshness import LATEST_SECONDS, WARM_UP_SECONDS
from infra.bench.freshness_poster import Order, mix_of
from infra.bench.http_load import OK, Connections, make_read
from infra.bench.posting import run_poster
from infra.bench.preload import preload
from infra.bench.report import Report, say, summarise_delays, tell_delays
from infra.bench.service import records, register, running_roles
from infra.bench.stack import PARTITIONS, BenchStack
from stream.errors import Unavailable

MIX: Final = Mix(events=0, facilities=1_000, items=50, lots=1, used_up=10)

RATES: Final = ((50, 10),)
"""(posts a second, events a post)"""

POLL_SECONDS: Final = 0.05
READY_SECONDS: Final = 300.0

NEWEST: Final = "/v1/alerts?rule=out_of_stock&limit=100"

# All counted, and found to be.
IS_OPENED: Final = """
SELECT (SELECT count(*) FROM facility_state WHERE counted_at IS NOT NULL) = $1
   AND NOT EXISTS (SELECT FROM alert WHERE rule = 'not_started' AND closed_at IS NULL)
"""

Subject = tuple[str, str]


def measure(stack: BenchStack, *, runs: int, seconds: float, mix: Mix = MIX) -> Report:
    taken = asyncio.run(_measure(stack, mix, runs=runs, seconds=seconds))
    return Report(name="alerting", ratios={}, rates=summarise_delays(taken, RATES), runs=taken)


async def _measure(
    stack: BenchStack, mix: Mix, *, runs: int, seconds: float
) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    taken: list[dict[str, Any]] = []
    async with running_roles(stack, worker=True) as url:
        items = [*item_ids(mix), *scarce_ids(mix)]
        await register(url, records(facility_ids(mix), items, levels=["PHC"]))
        await preload(stack, opening_counts(mix), partitions=PARTITIONS)
        await _until_opened(stack, mix.facilities)
        for run in range(runs):
            for posts, events in RATES:
                warm_up_seconds = min(WARM_UP_SECONDS, seconds)
                most_events = posts * events * (seconds + warm_up_seconds)
                first_used_up = round(run * most_events * 2 * mix.used_up / 100)
                order = Order(
                    url=url,
                    posts_per_second=posts,
                    events_per_post=events,
                    seconds=seconds,
                    warm_up_seconds=warm_up_seconds,
                    seed=run,
                    mix=asdict(replace(mix, first_used_up=first_used_up)),
                )
                taken.append(await _measure_rate(stack, order))
                say(f"run {run + 1}: {taken[-1]}")
    return taken


async def _until_opened(stack: BenchStack, facilities: int) -> None:
    connection = await stack.connect()
    async with asyncio.timeout(READY_SECONDS):
        while not await connection.fetchval(IS_OPENED, facilities):
            await asyncio.sleep(POLL_SECONDS)
    await connection.close()
    say(f"{facilities:,} facilities have counted")


async def _measure_rate(stack: BenchStack, order: Order) -> dict[str, Any]:
    seen: dict[Subject, float] = {}
    watching = asyncio.create_task(_watch(order.url, seen))
    try:
        posted = await run_poster(stack, "infra.bench.freshness_poster", asdict(order))
        if posted["refused"]:
            raise Unavailable(f"{posted['refused']} posts were refused")
        caused = list(_find_caused(order, [post["at"] for post in posted["posts"]]))
        await _until_seen(watching, seen, {subject for subject, _ in caused})
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    delays = [max(0.0, seen[subject] - at) * 1000 for subject, at in caused]
    return {
        "posts_per_second": order.posts_per_second,
        "events_per_post": order.events_per_post,
        "alerts": len(delays),
        **tell_delays(delays),
        "poster_cpu_share": posted["cpu_share"],
    }


async def _watch(url: str, seen: dict[Subject, float]) -> None:
    """For ever; note when each alert was answered first."""
    connections = Connections(url)
    while True:
        asked_at, path = monotonic(), NEWEST
        while path:
            answer = await connections.request(make_read(url, path))
            if answer.status not in OK:
                raise Unavailable(f"a read was refused: {answer.body.decode()}")
            page = orjson.loads(answer.body)
            subjects = [(each["facility_id"], each["item_id"]) for each in page["alerts"]]
            all_new = seen.keys().isdisjoint(subjects)
            for subject in subjects:
                seen.setdefault(subject, answer.answered_at)
            more = all_new and page["next_cursor"]
            path = f"{NEWEST}&cursor={page['next_cursor']}" if more else ""
        await asyncio.sleep(asked_at + POLL_SECONDS - monotonic())


def _find_caused(order: Order, answered_at: list[float]) -> Iterator[tuple[Subject, float]]:
    """What each post used up, and when it was acknowledged: the poster's events, made again."""
    maker = EventMaker(mix_of(order))
    for number in range(-round(order.posts_per_second * order.warm_up_seconds), len(answered_at)):
        for event in [maker.make(START) for _ in range(order.events_per_post)]:
            if number >= 0 and (subject := uses_up(event)):
                yield subject, answered_at[number]


async def _until_seen(
    watching: "asyncio.Task[None]", seen: dict[Subject, float], wanted: set[Subject]
) -> None:
    """Raises what broke the watching, or Unavailable if alerts don't come."""
    until = monotonic() + LATEST_SECONDS
    while missing := wanted - seen.keys():
        if watching.done():
            watching.result()
        if monotonic() > until:
            raise Unavailable(f"{len(missing)} alerts did not come")
        await asyncio.sleep(POLL_SECONDS)
