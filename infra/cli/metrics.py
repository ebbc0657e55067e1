"""`dawalog metrics`: what the processes expose at /metrics."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from infra.cli.options import AsJson, DataDir


def metrics(
    _data_dir: DataDir = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As docs/metrics.md is.")] = False,
) -> None:
    """Every metric: its kind, unit, labels, who exposes it and what it is.

    The same for every installation: --data-dir changes nothing.
    """
    from infra.metrics_page import list_metrics, make_page

    if markdown:
        print(make_page(), end="")
    elif as_json:
        print(json.dumps([asdict(metric) for metric in list_metrics()], indent=2))
    else:
        for metric in list_metrics():
            labels = ",".join(metric.labels)
            typer.echo(f"{metric.name}{{{labels}}} ({metric.kind}, {metric.unit})")
            typer.echo(f"    {metric.meaning}")
