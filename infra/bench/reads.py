"""`dawalog bench reads`: a facility's stock while events come in, on a small and on a grown ledger.

Beside a bare FastAPI route with the same SQL. The cards are the same ones at both sizes, so that
what an answer holds is the same, too: only the history behind it has grown.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.bench.events import Mix, facility_ids
from infra.bench.freshness_poster import Order as Posts
from infra.bench.history import grow, history
from infra.bench.posting import read_while_posting
from infra.bench.reader import Order as Reads
from infra.bench.report import Report, median_delays, median_of, say
from infra.bench.service import running_service, serving_api, serving_bare_reads
from infra.bench.stack import BenchStack

APPS: Final = ("dawalog", "bare", "dawalog, posting too")
"""An API process of its own, the baseline, and the API process that takes the posts."""

ROUNDS: Final = (APPS[:2], APPS[2:])
"""What is compared is read in the same seconds."""

MIX: Final = Mix(events=0, facilities=300, items=100, lots=2)
READS_PER_SECOND: Final = 200
POSTS_PER_SECOND: Final = 100
EVENTS_PER_POST: Final = 10
WARM_UP_SECONDS: Final = 3.0
DAYS: Final = 430
"""How long ago the history begins: at 10 million lines, 77 a day at each facility."""

GROWTH: Final = 100
"""How much smaller the ledger is when it is read first."""


def measure(stack: BenchStack, *, lines: int, runs: int, seconds: float) -> Report:
    """`lines`: what the ledger grows to; it takes about a minute for each million."""
    taken = asyncio.run(_measure(stack, lines=lines, runs=runs, seconds=seconds))
    rates: list[dict[str, float | str]] = []
    for size in ("small", "grown"):
        for app in APPS:
            of = [one for one in taken if (one["ledger"], one["app"]) == (size, app)]
            rates.append(
                {
                    "what": f"{app}, {of[0]['ledger_lines']:,} lines",
                    **median_delays(of),
                }
            )
    ratios = {
        f"{name}_{share}": round(_median(taken, share, *above) / _median(taken, share, *below), 3)
        for share in ("p50", "p99")
        for name, above, below in (
            ("bare_small", ("dawalog", "small"), ("bare", "small")),
            ("bare_grown", ("dawalog", "grown"), ("bare", "grown")),
            ("growth", ("dawalog", "grown"), ("dawalog", "small")),
        )
    }
    return Report(name="reads", ratios=ratios, rates=rates, runs=taken)


def _median(taken: list[dict[str, Any]], share: str, app: str, size: str) -> float:
    of = [one for one in taken if (one["app"], one["ledger"]) == (app, size)]
    return median_of(of, f"{share}_ms")


async def _measure(
    stack: BenchStack, *, lines: int, runs: int, seconds: float
) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    taken: list[dict[str, Any]] = []
    until = datetime.now(UTC) - timedelta(minutes=1)
    events = history(MIX, lines, until=until, over=timedelta(days=DAYS))
    async with _serving(stack) as urls:
        for size, wanted in (("small", lines // GROWTH), ("grown", lines)):
            ledger_lines = await grow(stack, events, wanted)
            for run in range(runs):
                for apps in ROUNDS:
                    read = await _measure_round(stack, urls, apps, seconds, seed=len(taken))
                    for app, measured in zip(apps, read, strict=True):
                        said = {"ledger": size, "ledger_lines": ledger_lines, "app": app}
                        taken.append(said | measured)
                        say(f"run {run + 1}: {taken[-1]}")
    return taken


@asynccontextmanager
async def _serving(stack: BenchStack) -> AsyncIterator[dict[str, str]]:
    """The addresses of all three, and a worker."""
    async with (
        running_service(stack, MIX, worker=True) as posting,
        serving_api(stack, "reading-api") as own,
        serving_bare_reads(stack) as bare,
    ):
        yield dict(zip(APPS, (own, bare, posting), strict=True))


async def _measure_round(
    stack: BenchStack, urls: dict[str, str], apps: Sequence[str], seconds: float, *, seed: int
) -> list[dict[str, Any]]:
    """Reads of these apps in turn, while the last of all takes what is posted."""
    warm_up = min(WARM_UP_SECONDS, seconds)
    posts = Posts(
        url=urls[APPS[-1]],
        posts_per_second=POSTS_PER_SECOND,
        events_per_post=EVENTS_PER_POST,
        seconds=seconds,
        warm_up_seconds=warm_up,
        seed=1_000 + seed,
        mix=asdict(MIX),
    )
    reads = Reads(
        urls=[urls[app] for app in apps],
        paths=[f"/v1/facilities/{one}/stock?limit=1000" for one in facility_ids(MIX)],
        reads_per_second=READS_PER_SECOND,
        seconds=seconds,
        warm_up_seconds=warm_up,
        seed=seed,
    )
    return await read_while_posting(stack, posts, reads)
