"""The registry of metrics: each is declared once, by the package that fills it.

A declaration is the metric's name as Prometheus sees it, its kind, unit, meaning and labels, and
which process exposes it. `docs/metrics.md` is made of them, and nothing undeclared is exposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["api", "worker", "api at /metrics/stock"]

# A second series for each counter and histogram, which nothing here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Metric:
    """`exposed_by` are the processes that may have a value for it."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[str, ...]
    exposed_by: tuple[Process, ...]

    def family(self) -> GaugeMetricFamily:
        """Empty, for a collector that computes its samples when it is asked."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)


METRICS: Final[dict[str, Metric]] = {}

API: Final[tuple[Process, ...]] = ("api",)
WORKER: Final[tuple[Process, ...]] = ("worker",)
BOTH: Final[tuple[Process, ...]] = ("api", "worker")
STOCK: Final[tuple[Process, ...]] = ("api at /metrics/stock",)


def counter(
    name: str, meaning: str, *, unit: str, by: tuple[Process, ...], labels: Sequence[str] = ()
) -> Counter:
    """`name` ends with `_total`."""
    _declare(Metric(name, "counter", unit, meaning, tuple(labels), by))
    return Counter(name, meaning, labels)


def gauge(
    name: str, meaning: str, *, unit: str, by: tuple[Process, ...], labels: Sequence[str] = ()
) -> Gauge:
    _declare(Metric(name, "gauge", unit, meaning, tuple(labels), by))
    return Gauge(name, meaning, labels)


def histogram(
    name: str,
    meaning: str,
    *,
    by: tuple[Process, ...],
    buckets: Sequence[float],
    labels: Sequence[str] = (),
) -> Histogram:
    """Of seconds, whose upper bounds are `buckets`."""
    _declare(Metric(name, "histogram", "seconds", meaning, tuple(labels), by))
    return Histogram(name, meaning, labels, buckets=buckets)


def computed(
    name: str, meaning: str, *, unit: str, by: tuple[Process, ...], labels: Sequence[str] = ()
) -> Metric:
    """A gauge that a collector fills."""
    return _declare(Metric(name, "gauge", unit, meaning, tuple(labels), by))


def _declare(metric: Metric) -> Metric:
    if metric.name in METRICS:
        raise ValueError(f"{metric.name} is declared twice")
    METRICS[metric.name] = metric
    return metric
