"""What a projecting worker says of itself."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import prometheus_client as prometheus

from projections.dead_letters import DeadLetter
from projections.decoding import Item

PROJECTED: Final = prometheus.Counter(
    "dawalog_records_projected", "Records applied, or set aside, by topic", ["topic"]
)
DELAY: Final = prometheus.Histogram(
    "dawalog_projection_delay_seconds",
    "From the broker's stamp on a record until its rows are visible",
    buckets=(0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 600),
)
LAG: Final = prometheus.Gauge(
    "dawalog_projection_lag_records",
    "Records in the log that this worker has yet to project, of the partitions it owns",
    ["topic", "partition"],
)
SET_ASIDE: Final = prometheus.Counter(
    "dawalog_dead_lettered", "Records that this worker set aside", ["topic", "kind"]
)
DEAD_LETTERS: Final = prometheus.Gauge(
    "dawalog_dead_letters",
    "Dead letters that nobody discarded; reported by the worker that owns reference partition 0",
    ["topic", "kind"],
)


def observe_applied(items: Sequence[Item], letters: Sequence[DeadLetter]) -> None:
    """Count a committed batch and the delays of its records."""
    now = time.time()
    for item in items:
        DELAY.observe(max(0.0, now - item.record.timestamp / 1000))
    for topic, count in Counter(item.record.topic for item in items).items():
        PROJECTED.labels(topic).inc(count)
    for letter in letters:
        SET_ASIDE.labels(letter.record.topic, letter.kind).inc()
