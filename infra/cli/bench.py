"""`dawalog bench`: our figures beside baselines."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.bench.events import Mix
    from infra.bench.report import Report
    from infra.bench.stack import BenchStack
    from infra.bench.state import GeneratedState

NAMES = (
    "projection",
    "freshness",
    "live",
    "append",
    "reads",
    "past",
    "rebuild",
    "summary",
    "alerts",
    "alerting",
)


def bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(NAMES)}, or all.")],
    *,
    runs: Annotated[int, typer.Option(min=1, help="Runs; medians are shown.")] = 3,
    events: Annotated[
        int, typer.Option(min=1, help="projection, rebuild: how many events of 3 lines.")
    ] = 200_000,
    facilities: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="projection, rebuild, summary, alerts: of how many the events are.  "
            "[default: 3000; summary, alerts: 17500]",
        ),
    ] = None,
    items: Annotated[
        int, typer.Option(min=1, help="projection, rebuild, summary, alerts: how many each.")
    ] = 300,
    late: Annotated[
        float, typer.Option(min=0, max=100, help="projection: % that come up to 2 days late.")
    ] = 0,
    counts: Annotated[
        float, typer.Option(min=0, max=100, help="projection: % that are counts.")
    ] = 0,
    reversals: Annotated[
        float, typer.Option(min=0, max=100, help="projection: % that are reversals.")
    ] = 0,
    seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="freshness, alerting, live, append, reads, summary: how long each rate is held.",
        ),
    ] = 15,
    streams: Annotated[int, typer.Option(min=1, help="live: how many are open.")] = 500,
    lines: Annotated[
        int | None,
        typer.Option(
            min=10_000,
            help="reads, past: what the ledger grows to.  [default: 10000000 and 1000000]",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="summary: where its state is kept, for the next time to find it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure on a throw-away stack of its own, which takes minutes. Best on an idle machine.

    Each baseline is measured in the same run on the same servers; docs/benchmarks.md tells how.
    """
    if name not in (*NAMES, "all"):
        raise typer.BadParameter(f"there is no bench {name}: choose {', '.join(NAMES)} or all")
    from infra.bench.events import Mix
    from infra.bench.state import USUAL_FACILITIES, GeneratedState

    mix = Mix(
        events=events,
        facilities=facilities or 3_000,
        items=items,
        late=late,
        counts=counts,
        reversals=reversals,
    )
    state = GeneratedState(facilities=facilities or USUAL_FACILITIES, items=items)
    for one in NAMES if name == "all" else (name,):
        if one == "summary":
            report = _measure_state(state, data_dir, runs=runs, seconds=seconds)
        elif one == "alerts":
            report = _measure_alerts(state, runs=runs)
        else:
            report = _measure(one, mix, runs=runs, seconds=seconds, lines=lines, streams=streams)
        if as_json:
            print(json.dumps(report.as_json()), flush=True)
        else:
            _show(report)


def _measure(
    name: str, mix: "Mix", *, runs: int, seconds: float, lines: int | None, streams: int
) -> "Report":
    from infra.bench import alerting, append, freshness, live, past, projection, reads, rebuild
    from infra.bench.stack import bench_stack

    measures: dict[str, Callable[[BenchStack], Report]] = {
        "projection": partial(projection.measure, mix=mix, runs=runs),
        "freshness": partial(freshness.measure, runs=runs, seconds=seconds),
        "alerting": partial(alerting.measure, runs=runs, seconds=seconds),
        "live": partial(live.measure, streams=streams, runs=runs, seconds=seconds),
        "append": partial(append.measure, runs=runs, seconds=seconds),
        "reads": partial(reads.measure, lines=lines or 10_000_000, runs=runs, seconds=seconds),
        "past": partial(past.measure, lines=lines or 1_000_000, runs=runs),
        "rebuild": partial(rebuild.measure, mix=mix, runs=runs),
    }
    with bench_stack() as stack:
        return measures[name](stack)


def _measure_alerts(state: "GeneratedState", *, runs: int) -> "Report":
    from infra.bench import alerts
    from infra.bench.stack import bench_stack

    with bench_stack() as stack:
        return alerts.measure(stack, facilities=state.facilities, items=state.items, runs=runs)


def _measure_state(
    state: "GeneratedState", data_dir: Path | None, *, runs: int, seconds: float
) -> "Report":
    from infra.bench import summary
    from infra.bench.stack import bench_stack, kept_stack

    with bench_stack() if data_dir is None else kept_stack(data_dir.absolute()) as stack:
        return summary.measure(stack, state=state, runs=runs, seconds=seconds)


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=report.name, title_justify="left")
    columns = list(dict.fromkeys(name for rate in report.rates for name in rate))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column == "what" else "right")
    for rate in report.rates:
        table.add_row(*(_cell(rate.get(column, "")) for column in columns))
    console.print(table)
    for name, ratio in report.ratios.items():
        between = (
            "" if name not in report.spread else " ({:.2f} to {:.2f})".format(*report.spread[name])
        )
        console.print(f"  ÷ {name}: {ratio:.2f}{between}")


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.1f}".removesuffix(".0")
