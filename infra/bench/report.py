"""What a bench says: ratios of one run's figures, their medians and their spread."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Console

_console = Console(stderr=True)


def describe_machine() -> dict[str, Any]:
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gb": round(pages * page / 2**30, 1),
        "python": platform.python_version(),
        "load_1_minute": round(os.getloadavg()[0], 2),
    }


@dataclass(frozen=True, kw_only=True)
class Report:
    """`ratios` and `rates` are medians over `runs`; `spread` holds least and greatest."""

    name: str
    ratios: dict[str, float]
    rates: list[dict[str, float | str]]
    runs: list[dict[str, Any]]
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=describe_machine)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise_ratios(
    runs: list[dict[str, Any]], names: Sequence[str]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Medians and spreads of the runs' `ratios`."""
    of = {name: [run["ratios"][name] for run in runs] for name in names}
    return (
        {name: round(median(values), 3) for name, values in of.items()},
        {name: (round(min(values), 3), round(max(values), 3)) for name, values in of.items()},
    )


def tell_delays(delays: list[float]) -> dict[str, float]:
    """Of one run, in ms."""
    return {
        "p50_ms": round(percentile(delays, 0.5), 1),
        "p99_ms": round(percentile(delays, 0.99), 1),
        "greatest_ms": round(max(delays), 1),
    }


def summarise_delays(
    runs: list[dict[str, Any]], paces: Sequence[tuple[int, int]]
) -> list[dict[str, float | str]]:
    """Each pace's delays, medians over its runs. `paces`: (posts a second, events a post)."""
    rates: list[dict[str, float | str]] = []
    for posts, events in paces:
        of_pace = [
            run
            for run in runs
            if (run["posts_per_second"], run["events_per_post"]) == (posts, events)
        ]
        rates.append(
            {
                "events_per_second": posts * events,
                "posts_per_second": posts,
                **median_delays(of_pace),
            }
        )
    return rates


def median_delays(runs: list[dict[str, Any]]) -> dict[str, float | str]:
    """Medians of p50 and p99, and the spread of p99."""
    return {
        "p50_ms": median_of(runs, "p50_ms"),
        "p99_ms": median_of(runs, "p99_ms"),
        "least_p99_ms": min(run["p99_ms"] for run in runs),
        "greatest_p99_ms": max(run["p99_ms"] for run in runs),
    }


def median_of(runs: list[dict[str, Any]], name: str) -> float:
    return round(median(float(run[name]) for run in runs), 3)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of the values don't exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -int(-len(ordered) * share // 1))
    return ordered[rank - 1]


def say(sentence: str) -> None:
    """Progress, for whoever watches."""
    _console.print(sentence, highlight=False, markup=False, soft_wrap=True)
