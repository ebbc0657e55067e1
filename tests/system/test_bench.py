"""Each bench at a tiny size: it runs, and prints what programs read."""

import json
from typing import Any

import pytest

from infra.bench.report import percentile
from tests.system.service import dawalog

pytestmark = pytest.mark.timeout(240)


def bench(name: str, *words: str) -> dict[str, Any]:
    done = dawalog("bench", name, "--runs", "1", "--json", *words)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    report: dict[str, Any] = json.loads(line)
    assert report["name"] == name
    assert len(report["rates"]) > 0
    return report


def test_projection() -> None:
    report = bench("projection", "--events", "25000")
    assert report["ratios"].keys() == {"raw_postgres", "stock_faust"}
    assert all(ratio > 0 for ratio in report["ratios"].values())


def test_projection_of_a_mix_that_stock_faust_cannot_fold() -> None:
    words = ("--events", "8000", "--late", "10", "--counts", "5", "--reversals", "2")
    assert bench("projection", *words)["ratios"].keys() == {"raw_postgres"}


def test_freshness() -> None:
    report = bench("freshness", "--seconds", "0.2")
    assert [rate["events_per_second"] for rate in report["rates"]] == [20, 100, 1000]
    assert all(rate["p50_ms"] <= rate["p99_ms"] for rate in report["rates"])
    assert [run["posts"] for run in report["runs"]] == [4, 20, 20]


def test_live() -> None:
    report = bench("live", "--seconds", "0.2", "--streams", "20")
    assert [rate["events_per_second"] for rate in report["rates"]] == [20, 1000]
    assert [run["events"] for run in report["runs"]] == [4, 200]
    assert all(rate["p50_ms"] <= rate["p99_ms"] for rate in report["rates"])


def test_append() -> None:
    report = bench("append", "--seconds", "0.5")
    assert report["ratios"].keys() == {"single", "batch_500"}
    assert all(rate["events_per_second"] > 0 for rate in report["rates"])


def test_reads() -> None:
    report = bench("reads", "--seconds", "0.2", "--lines", "10000")
    assert report["ratios"].keys() == {
        f"{ratio}_{share}"
        for ratio in ("bare_small", "bare_grown", "growth")
        for share in ("p50", "p99")
    }
    assert all(run["reads"] == 40 for run in report["runs"])
    assert {run["ledger_lines"] >= 10_000 for run in report["runs"]} == {False, True}


def test_past() -> None:
    report = bench("past", "--lines", "10000")
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
