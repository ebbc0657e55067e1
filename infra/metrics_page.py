"""docs/metrics.md, made of the declarations of all packages."""

from typing import Final

import alerts.metrics
import api.metrics
import api.stock_metrics
import infra.disk
import infra.metrics
import projections.metrics
import projections.state_metrics
import stream.metrics
from stream.declared import METRICS, Metric

DECLARING: Final = (
    stream.metrics,
    projections.metrics,
    projections.state_metrics,
    alerts.metrics,
    api.metrics,
    api.stock_metrics,
    infra.metrics,
    infra.disk,
)
"""Modules whose import declares."""

HEAD: Final = """\
# Metrics

What the API and the workers expose at `/metrics`, made by `dawalog metrics --markdown` from the
declarations. How to scrape them, and the rules over them, are in [watching.md](watching.md).
Beside them are those of the Python client (`process_…`, `python_…`).

| metric | kind | unit | labels | by | what it is |
|---|---|---|---|---|---|
"""


def list_metrics() -> list[Metric]:
    return sorted(METRICS.values(), key=lambda metric: metric.name)


def make_page() -> str:
    return HEAD + "".join(_row(metric) for metric in list_metrics())


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.kind,
        metric.unit,
        ", ".join(f"`{label}`" for label in metric.labels) or "–",
        ", ".join(metric.exposed_by),
        metric.meaning,
    )
    return f"| {' | '.join(cells)} |\n"
