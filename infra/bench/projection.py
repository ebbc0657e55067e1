"""`dawalog bench projection`: the real worker over a filled topic, beside what could do the same.

Lines a second between the first and the last move of what each has written, so that starting up
counts for none of the three.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from time import monotonic
from typing import Any, Final, NamedTuple

from infra.bench import raw_postgres
from infra.bench.events import Mix, generate
from infra.bench.preload import preload
from infra.bench.report import Report, median_of, say, summarise_ratios
from infra.bench.stack import PARTITIONS, BenchStack, require_running
from infra.local.throwaway import running
from stream.errors import Unavailable
from stream.topics import STOCK_EVENTS

SAMPLE_SECONDS: Final = 0.02
SILENT_SECONDS: Final = 60.0
FAUST_SHARE: Final = 5
"""Stock Faust is slow: a fifth of the events is enough to know how slow."""

BASELINES: Final = ("without_rules", "raw_postgres", "stock_faust")

MOVED: Final = "SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = $1"
WRITTEN: Final = """
SELECT (SELECT count(*) FROM ledger_entry WHERE line_no > 0) AS lines,
       (SELECT count(*) FROM dead_letter) AS dead_letters
"""


class Moment(NamedTuple):
    """So many events were written at this moment (monotonic seconds)."""

    events: int
    at: float


def measure(stack: BenchStack, *, mix: Mix, runs: int) -> Report:
    """Takes about a minute a run for 200,000 events."""
    asyncio.run(fill(stack, mix))
    taken = [_measure_once(stack, mix, run) for run in range(runs)]
    baselines = [name for name in BASELINES if name in taken[0]]
    ratios, spread = summarise_ratios(taken, baselines)
    rates: list[dict[str, float | str]] = [
        {"what": what, "lines_per_second": median_of(taken, what)}
        for what in ("worker", *baselines)
    ]
    return Report(name="projection", ratios=ratios, spread=spread, rates=rates, runs=taken)


async def fill(stack: BenchStack, mix: Mix) -> None:
    await stack.empty_topics()
    began = monotonic()
    await preload(stack, generate(mix), partitions=PARTITIONS)
    say(f"{mix.events:,} events in the topic after {monotonic() - began:.0f} s")


def _measure_once(stack: BenchStack, mix: Mix, run: int) -> dict[str, Any]:
    """All of them, in another order each time: none always has the fresh disk."""
    plain = replace(mix, late=0, counts=0, reversals=0)
    subjects: dict[str, Callable[[], Coroutine[Any, Any, float]]] = {
        "worker": lambda: measure_worker(stack, mix),
        "without_rules": lambda: measure_worker(stack, mix, DAWALOG_ALERT_EVALUATION="false"),
        "raw_postgres": lambda: raw_postgres.measure(stack, generate(plain)),
    }
    if mix == plain:  # stock Faust knows nothing but movements in order
        subjects["stock_faust"] = lambda: _measure_faust(stack, mix)
    taken: dict[str, Any] = {}
    for name in sorted(subjects, reverse=run % 2 == 0):
        asyncio.run(stack.empty_database())
        taken[name] = round(asyncio.run(subjects[name]()))
        say(f"run {run + 1}: {name} {taken[name]:,} lines/s")
    taken["ratios"] = {name: taken["worker"] / taken[name] for name in subjects if name != "worker"}
    return taken


async def measure_worker(stack: BenchStack, mix: Mix, **environment: str) -> float:
    part = stack.part("worker", "infra.cli", "worker", **environment)
    connection = await stack.connect()
    with running(part) as process:
        first = last = Moment(0, monotonic())
        while last.events < mix.events:
            await asyncio.sleep(SAMPLE_SECONDS)
            require_running(process, part)
            now = Moment(await connection.fetchval(MOVED, STOCK_EVENTS), monotonic())
            if now.events > last.events:
                last = now
                first = first if first.events else now
            _require_progress(last, part.name)
    written = await connection.fetchrow(WRITTEN)
    await connection.close()
    assert written is not None
    if written["dead_letters"]:
        raise Unavailable(f"the worker set {written['dead_letters']} records aside")
    return _rate(first, last) * float(written["lines"]) / mix.events


async def _measure_faust(stack: BenchStack, mix: Mix) -> float:
    part = stack.part("stock-faust", "infra.bench.stock_faust", str(stack.folder / "faust"))
    part.log.unlink(missing_ok=True)
    began, wanted = monotonic(), mix.events // FAUST_SHARE
    moments = [Moment(0, began)]
    with running(part) as process:
        while moments[-1].events < wanted:
            await asyncio.sleep(SAMPLE_SECONDS * 10)
            require_running(process, part)
            told = re.findall(r"^(\d+) (\d+\.\d+)$", part.log.read_text(), re.MULTILINE)
            moments = [Moment(int(count), float(at)) for count, at in told] or moments
            _require_progress(moments[-1], part.name)
    return _rate(moments[0], moments[-1]) * mix.lines


def _rate(first: Moment, last: Moment) -> float:
    """Events a second."""
    if last.at <= first.at:
        raise Unavailable("too few events to measure: everything was written at one moment")
    return (last.events - first.events) / (last.at - first.at)


def _require_progress(last: Moment, name: str) -> None:
    if monotonic() - last.at > SILENT_SECONDS:
        raise Unavailable(f"{name} has written nothing for {SILENT_SECONDS:.0f} s")
