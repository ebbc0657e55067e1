"""`dawalog bench rebuild`: a rebuild, and a verification, beside the worker over the same log."""

import asyncio
import subprocess
from typing import Any

import orjson

from infra.bench.events import Mix
from infra.bench.projection import fill, measure_worker
from infra.bench.report import Report, median_of, say, summarise_ratios
from infra.bench.stack import BenchStack
from infra.local.part import Part
from infra.local.process import child_environment
from stream.errors import Unavailable


def measure(stack: BenchStack, *, mix: Mix, runs: int) -> Report:
    """Takes about a minute a run for 200,000 events."""
    asyncio.run(fill(stack, mix))
    taken = [_measure_once(stack, mix, run) for run in range(runs)]
    ratios, spread = summarise_ratios(taken, ["worker"])
    rates: list[dict[str, float | str]] = [
        {"what": what, "lines_per_second": median_of(taken, what)}
        for what in ("rebuild", "worker", "verify")
    ]
    return Report(name="rebuild", ratios=ratios, spread=spread, rates=rates, runs=taken)


def _measure_once(stack: BenchStack, mix: Mix, run: int) -> dict[str, Any]:
    asyncio.run(stack.empty_database())
    worker = asyncio.run(measure_worker(stack, mix))
    verdict = _run(stack.part("verify", "infra.cli", "verify", "--json"))
    rebuilt = _run(stack.part("rebuild", "infra.cli", "rebuild", "--json", "--no-verify"))
    lines_per_record = verdict["lines"] / verdict["records"]
    taken = {
        "worker": round(worker),
        "rebuild": round(rebuilt["records"] * lines_per_record / rebuilt["fill_seconds"]),
        "verify": round(verdict["lines"] / verdict["seconds"]),
    }
    say(f"run {run + 1}: {', '.join(f'{what} {rate:,} lines/s' for what, rate in taken.items())}")
    return taken | {"ratios": {"worker": taken["rebuild"] / worker}}


def _run(part: Part) -> Any:
    """What a command of ours answers in JSON."""
    with part.log.open("ab") as log:
        done = subprocess.run(
            part.command,
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_environment(part.environment),
            check=False,
        )
    if done.returncode != 0:
        raise Unavailable(f"{part.name} failed: {part.last_words()}")
    return orjson.loads(done.stdout)
