"""`dawalog bench summary`: what a state watches, on a generated state, while events come in.

Each kind of read after the other, in turn with a bare FastAPI route with the same SQL.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from infra.bench.building import running_state
from infra.bench.events import facility_ids, item_ids
from infra.bench.freshness_poster import Order as Posts
from infra.bench.posting import read_while_posting
from infra.bench.reader import Order as Reads
from infra.bench.report import Report, median_delays, median_of, say
from infra.bench.service import serving_api, serving_bare_reads
from infra.bench.stack import BenchStack
from infra.bench.state import GeneratedState

APPS: Final = ("dawalog", "bare")
"""An API process that only reads, and the baseline."""

KINDS: Final = (
    *("state", "district", "facility", "item_stock", "item_stock_out"),
    *("shortages", "district_shortages", "rescue"),
)
READS_PER_SECOND: Final = 10
POSTS_PER_SECOND: Final = 50
EVENTS_PER_POST: Final = 10
WARM_UP_SECONDS: Final = 3.0
DIFFERENT: Final = 500
"""Addresses of a kind that are read in turn, by chance."""


def measure(
    stack: BenchStack,
    *,
    state: GeneratedState,
    runs: int,
    seconds: float,
    kinds: Sequence[str] = KINDS,
) -> Report:
    """Takes half an hour and more to build a state of 17,500 facilities and 300 items."""
    paths = {kind: each for kind, each in _paths(state).items() if kind in kinds}
    taken = asyncio.run(_measure(stack, state, paths, runs=runs, seconds=seconds))
    rates: list[dict[str, float | str]] = [
        {"what": f"{kind}, {app}", **median_delays(_of(taken, kind, app))}
        for kind in paths
        for app in APPS
    ]
    ratios = {
        f"{kind}_{share}": round(
            median_of(_of(taken, kind, "dawalog"), f"{share}_ms")
            / median_of(_of(taken, kind, "bare"), f"{share}_ms"),
            3,
        )
        for kind in paths
        for share in ("p50", "p99")
    }
    return Report(name="summary", ratios=ratios, rates=rates, runs=taken)


def _of(taken: list[dict[str, Any]], kind: str, app: str) -> list[dict[str, Any]]:
    return [one for one in taken if (one["read"], one["app"]) == (kind, app)]


def _paths(state: GeneratedState) -> dict[str, list[str]]:
    """What is read of each kind."""
    dice = random.Random(1)
    facilities, items = facility_ids(state.mix), item_ids(state.mix)
    some = [(dice.choice(facilities), dice.choice(items)) for _ in range(DIFFERENT)]
    paths = (
        ["/v1/summary?by=state"],
        [f"/v1/summary?by=district&district={one}" for one in state.districts],
        [f"/v1/summary?by=facility&facility_id={one}" for one, _ in some],
        [f"/v1/items/{one}/stock" for one in items],
        [f"/v1/items/{one}/stock?status=out" for one in items],
        ["/v1/shortages?limit=20"],
        [f"/v1/shortages?limit=20&district={one}" for one in state.districts],
        [f"/v1/facilities/{one}/items/{item_id}/rescue" for one, item_id in some],
    )
    return dict(zip(KINDS, paths, strict=True))


async def _measure(
    stack: BenchStack,
    state: GeneratedState,
    paths: dict[str, list[str]],
    *,
    runs: int,
    seconds: float,
) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    async with running_state(stack, state) as posting, _serving(stack) as urls:
        for run in range(runs):
            for kind, each in paths.items():
                reads = _reads(list(urls.values()), each, seconds, seed=len(taken))
                posts = _posts(posting, state, seconds, seed=len(taken))
                read = await read_while_posting(stack, posts, reads)
                for app, measured in zip(urls, read, strict=True):
                    taken.append({"read": kind, "app": app, **measured})
                    say(f"run {run + 1}: {taken[-1]}")
    return taken


@asynccontextmanager
async def _serving(stack: BenchStack) -> AsyncIterator[dict[str, str]]:
    """The addresses of both."""
    async with serving_api(stack, "reading-api") as own, serving_bare_reads(stack) as bare:
        yield dict(zip(APPS, (own, bare), strict=True))


def _reads(urls: list[str], paths: list[str], seconds: float, *, seed: int) -> Reads:
    return Reads(
        urls=urls,
        paths=paths,
        reads_per_second=len(urls) * READS_PER_SECOND,
        seconds=seconds,
        warm_up_seconds=min(WARM_UP_SECONDS, seconds),
        seed=seed,
    )


def _posts(url: str, state: GeneratedState, seconds: float, *, seed: int) -> Posts:
    return Posts(
        url=url,
        posts_per_second=POSTS_PER_SECOND,
        events_per_post=EVENTS_PER_POST,
        seconds=seconds,
        warm_up_seconds=min(WARM_UP_SECONDS, seconds),
        seed=random.SystemRandom().getrandbits(32) + seed,
        mix=asdict(state.mix),
    )
