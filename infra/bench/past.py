"""`dawalog bench past`: the stock of one large hospital as it was, or was known, at any moment.

All of the ledger is one facility's. Reads one after the other, through the API.
"""

import asyncio
import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from infra.bench.events import Mix, facility_ids
from infra.bench.history import grow, history
from infra.bench.report import Report, percentile, say
from infra.bench.service import running_service
from infra.bench.stack import BenchStack

MIX: Final = Mix(events=0, facilities=1, items=400, lots=3)
READS: Final = 60
"""Of each kind, in each run."""

ANSWER_SECONDS: Final = 60.0
KINDS: Final = ("now", "as_of", "known_at", "as_of and known_at")


def measure(stack: BenchStack, *, lines: int, runs: int) -> Report:
    taken = asyncio.run(_measure(stack, lines=lines, runs=runs))
    rates: list[dict[str, float | str]] = []
    for kind in KINDS:
        delays = [delay for run in taken for delay in run[kind]]
        rates.append(
            {
                "what": kind,
                "p50_ms": percentile(delays, 0.5),
                "p99_ms": percentile(delays, 0.99),
                "greatest_ms": max(delays),
            }
        )
    return Report(name="past", ratios={}, rates=rates, runs=taken)


async def _measure(stack: BenchStack, *, lines: int, runs: int) -> list[dict[str, Any]]:
    await stack.empty_topics()
    await stack.empty_database()
    until = datetime.now(UTC) - timedelta(minutes=1)
    days = timedelta(days=365)
    async with running_service(stack, MIX, worker=True) as url:
        await grow(stack, history(MIX, lines, until=until, over=days), lines)
        async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS) as client:
            return [await _read(client, run, until, days) for run in range(runs)]


async def _read(
    client: httpx.AsyncClient, run: int, until: datetime, days: timedelta
) -> dict[str, Any]:
    dice = random.Random(run)
    (facility_id,) = facility_ids(MIX)
    taken: dict[str, Any] = {"mix": asdict(MIX)}
    for kind in KINDS:
        taken[kind] = []
        for _ in range(READS):
            asked = {"limit": "1000"}
            asked |= {
                name: (until - days * dice.random()).isoformat()
                for name in ("as_of", "known_at")
                if name in kind
            }
            answer = await client.get(f"/v1/facilities/{facility_id}/stock?{urlencode(asked)}")
            answer.raise_for_status()
            taken[kind].append(round(answer.elapsed.total_seconds() * 1000, 1))
        say(f"run {run + 1}: {kind}: at most {max(taken[kind])} ms")
    return taken
