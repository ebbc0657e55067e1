"""Each bench at a tiny size: it runs, and tells what programs read."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.rules import RULES
from infra.bench import (
    alerting,
    alerts,
    append,
    freshness,
    live,
    projection,
    reads,
    rebuild,
    summary,
)
from infra.bench.building import running_state
from infra.bench.events import Mix
from infra.bench.report import percentile
from infra.bench.stack import BenchStack, bench_stack, kept_stack
from infra.bench.state import GeneratedState
from stream.errors import Unavailable
from tests.system.service import dawalog

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def stack() -> Iterator[BenchStack]:
    """One for all: each bench empties it first."""
    with bench_stack() as stack:
        yield stack


def test_projection(stack: BenchStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "FAUST_SHARE", 2)  # stock Faust takes 2,000 a turn
    report = projection.measure(stack, mix=Mix(events=10_000), runs=1)
    assert report.ratios.keys() == {"without_rules", "raw_postgres", "stock_faust"}
    assert all(ratio > 0 for ratio in report.ratios.values())


def test_projection_of_a_mix_that_stock_faust_cannot_fold(stack: BenchStack) -> None:
    mix = Mix(events=8_000, late=10, counts=5, reversals=2)
    ratios = projection.measure(stack, mix=mix, runs=1).ratios
    assert ratios.keys() == {"without_rules", "raw_postgres"}


def test_rebuild(stack: BenchStack) -> None:
    report = rebuild.measure(stack, mix=Mix(events=8_000), runs=1)
    assert [rate["what"] for rate in report.rates] == ["rebuild", "worker", "verify"]
    assert report.ratios.keys() == {"worker"}


def test_freshness(stack: BenchStack) -> None:
    report = freshness.measure(stack, runs=1, seconds=0.2)
    assert [rate["events_per_second"] for rate in report.rates] == [20, 100, 1000]
    assert all(float(rate["p50_ms"]) <= float(rate["p99_ms"]) for rate in report.rates)
    assert [run["posts"] for run in report.runs] == [4, 20, 20]


def test_alerting(stack: BenchStack) -> None:
    mix = replace(alerting.MIX, facilities=20, items=10)
    report = alerting.measure(stack, runs=2, seconds=0.5, mix=mix)
    assert [rate["events_per_second"] for rate in report.rates] == [500]
    for run in report.runs:
        assert run["alerts"] > 0
        assert 0 < run["p50_ms"] <= run["p99_ms"] <= run["greatest_ms"]


def test_alerts(stack: BenchStack) -> None:
    report = alerts.measure(stack, facilities=60, items=40, runs=1)
    assert [rate["what"] for rate in report.rates] == ["two_workers", "one_worker", *RULES]
    assert [run["found"] for run in report.runs] == [0]  # all that holds was opened before


def test_live(stack: BenchStack) -> None:
    report = live.measure(stack, streams=20, runs=1, seconds=0.2)
    assert [rate["events_per_second"] for rate in report.rates] == [20, 1000]
    assert [run["events"] for run in report.runs] == [4, 200]
    assert all(float(rate["p50_ms"]) <= float(rate["p99_ms"]) for rate in report.rates)


def test_append(stack: BenchStack) -> None:
    report = append.measure(stack, runs=1, seconds=0.5)
    assert report.ratios.keys() == {"single", "batch_500"}
    assert all(float(rate["events_per_second"]) > 0 for rate in report.rates)


def test_reads(stack: BenchStack) -> None:
    report = reads.measure(stack, runs=1, seconds=0.2, lines=10_000)
    assert report.ratios.keys() == {
        f"{ratio}_{share}"
        for ratio in ("bare_small", "bare_grown", "growth")
        for share in ("p50", "p99")
    }
    in_turn = {"dawalog": 20, "bare": 20, "dawalog, posting too": 40}
    assert all(run["reads"] == in_turn[run["app"]] for run in report.runs)
    assert {run["ledger_lines"] >= 10_000 for run in report.runs} == {False, True}


def test_summary_of_a_state_that_is_kept(tmp_path: Path) -> None:
    state, marker = GeneratedState(facilities=60, items=12), tmp_path / "bench-state.json"
    kinds = ("facility", "item_stock_out", "district_shortages", "rescue")  # each route
    with kept_stack(tmp_path) as stack:
        report = summary.measure(stack, state=state, runs=1, seconds=0.3, kinds=kinds)
    assert len(report.ratios) == 2 * len(kinds)
    assert all(run["reads"] == 3 for run in report.runs)
    built = json.loads(marker.read_bytes())
    marker.write_text(json.dumps(built | {"heard_on": "2026-01-01"}))
    with kept_stack(tmp_path) as stack:
        events = asyncio.run(_count_events(stack, state))
    assert json.loads(marker.read_bytes())["heard_on"] >= built["heard_on"]
    with kept_stack(tmp_path) as stack:
        assert asyncio.run(_count_events(stack, state)) == events
        with pytest.raises(Unavailable, match="60 facilities"):
            asyncio.run(_count_events(stack, GeneratedState(facilities=61, items=12)))


async def _count_events(stack: BenchStack, state: GeneratedState) -> int:
    """Of the state, found again."""
    async with running_state(stack, state):
        connection = await stack.connect()
        count = int(await connection.fetchval("SELECT count(*) FROM event"))
        await connection.close()
    return count


def test_command_on_a_stack_of_its_own() -> None:
    words = ("--runs", "1", "--lines", "10000", "--json")
    done = dawalog("bench", "past", *words)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    assert report["name"] == "past"
    assert [rate["what"] for rate in report["rates"]] == [
        *("now", "as_of", "known_at", "as_of and known_at")
    ]


def test_unknown_bench() -> None:
    done = dawalog("bench", "speed")
    assert done.returncode == 2
    assert "projection, freshness, live, append" in done.stderr


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.75, 3), (0.99, 4), (0.01, 1)])
def test_percentile_is_a_nearest_rank(share: float, value: float) -> None:
    assert percentile([4, 2, 1, 3], share) == value
