"""`dawalog bench alerts`: all rules over a whole state, though nothing happened.

Figures are written straight into the read model: what is measured is how long the rules take, and
how much memory the evaluating process needs for it. As workers do it, at full speed: first one that
has all partitions, then two at once that have half of them each.
"""

import asyncio
import resource
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import asyncpg

from alerts.difference import Damping, find_differences, statement_of
from alerts.evaluation import PLAN_FOR_MANY, open_connection
from alerts.rule import Rule
from alerts.rules import RULES
from alerts.scopes import Scope, all_districts, all_of_partition
from infra.bench.report import Report, say
from infra.bench.stack import PARTITIONS, BenchStack
from projections.settings import DatabaseSettings

FILL: Final = Path(__file__).with_name("alerts_state.sql")

OPEN: Final = """
INSERT INTO alert (place, alert_id, rule, facility_no, district_id, item_no, lot, item_class,
                   ordinal, revision, severity, began_at, opened_at, evidence)
SELECT coalesce(facility_id, 'district/' || told.district_id), gen_random_uuid(), rule,
       coalesce(facility_no, 0), coalesce(told.district_id, ''), coalesce(item_no, 0),
       coalesce(lot, ''), coalesce(item_class, ''), 1, 1, severity, coalesce(began_at, $1), $1,
       evidence::jsonb
FROM ({difference}) AS told
LEFT JOIN facility_number USING (facility_id) LEFT JOIN item_number USING (item_id)
"""


def measure(stack: BenchStack, *, facilities: int, items: int, runs: int) -> Report:
    return asyncio.run(_measure(stack, facilities, items, runs))


async def _measure(stack: BenchStack, facilities: int, items: int, runs: int) -> Report:
    await stack.empty_database()
    connection = await stack.connect()
    fill = FILL.read_text()
    for name, number in (
        (":facilities", facilities),
        (":items", items),
        (":partitions", PARTITIONS),
    ):
        fill = fill.replace(name, str(number))
    await connection.execute(fill)
    say("filled")
    await _open_all(connection)
    await connection.execute("ANALYZE")
    await connection.close()
    taken = []
    settings = DatabaseSettings(database_url=stack.servers.database_url)
    async with AsyncExitStack() as opened:
        workers = [await opened.enter_async_context(open_connection(settings, 1)) for _ in range(2)]
        for run in range(runs):
            taken.append(await _pass(workers[0]) | await _pass_of_two(workers))
            say(f"run {run + 1}: {taken[-1]}")
    rates: list[dict[str, float | str]] = [
        {"what": name, "seconds": round(median(run[name] for run in taken), 3)}
        for name in ("two_workers", "one_worker", *RULES)
    ]
    return Report(name="alerts", ratios={}, rates=rates, runs=taken)


def _scopes(of_districts: bool) -> list[Scope]:
    if of_districts:
        return [all_districts()]
    return [all_of_partition(number) for number in range(PARTITIONS)]


async def _open_all(connection: "asyncpg.Connection[Any]") -> None:
    """An open alert for all that holds, as after the first evaluation."""
    for rule in RULES.values():
        for scope in _scopes(rule.is_of_district):
            statement = OPEN.format(difference=statement_of([rule], scope))
            now = datetime.now(UTC)
            await connection.execute(statement, now, [rule.id], [], *scope.arguments)
    say(f"{await connection.fetchval('SELECT count(*) FROM alert'):,} alerts are open")


async def _pass(worker: "asyncpg.Connection[Any]") -> dict[str, float]:
    """Seconds by rule and in all; how much was found; the greatest memory so far."""
    took: dict[str, float] = {}
    found = 0
    began = perf_counter()
    for rule in RULES.values():
        rule_began = perf_counter()
        found += await _evaluate(worker, rule, _scopes(rule.is_of_district))
        took[rule.id] = round(perf_counter() - rule_began, 3)
    took["one_worker"] = round(perf_counter() - began, 3)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took | {"found": found, "peak_mb": round(peak_mb, 1)}


async def _pass_of_two(workers: "Sequence[asyncpg.Connection[Any]]") -> dict[str, float]:
    """Seconds of both at once: the first has the districts, too."""
    began = perf_counter()
    await asyncio.gather(*(_share(worker, number) for number, worker in enumerate(workers)))
    return {"two_workers": round(perf_counter() - began, 3)}


async def _share(worker: "asyncpg.Connection[Any]", number: int) -> None:
    for rule in RULES.values():
        if not rule.is_of_district:
            await _evaluate(worker, rule, _scopes(of_districts=False)[number::2])
        elif number == 0:
            await _evaluate(worker, rule, _scopes(of_districts=True))


async def _evaluate(worker: "asyncpg.Connection[Any]", rule: Rule, scopes: Sequence[Scope]) -> int:
    found = 0
    for scope in scopes:
        async with worker.transaction(isolation="repeatable_read", readonly=True):
            await worker.execute(PLAN_FOR_MANY)
            async for _ in find_differences(
                worker, [rule], scope, now=datetime.now(UTC), damping=Damping()
            ):
                found += 1
    return found
