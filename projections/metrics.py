"""What a projecting worker says of itself."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from projections.dead_letters import DeadLetter
from projections.decoding import Item
from stream.declared import WORKER, counter, gauge, histogram

PROJECTED: Final = counter(
    "dawalog_records_projected_total",
    "Records applied, or set aside, by topic",
    unit="records",
    by=WORKER,
    labels=["topic"],
)
DELAY: Final = histogram(
    "dawalog_projection_delay_seconds",
    "From the broker's stamp on a record until its rows are visible",
    by=WORKER,
    buckets=(0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 600),
)
LAG: Final = gauge(
    "dawalog_projection_lag_records",
    "Records in the log that this worker has yet to project, of the partitions it owns",
    unit="records",
    by=WORKER,
    labels=["topic", "partition"],
)
SET_ASIDE: Final = counter(
    "dawalog_dead_lettered_total",
    "Records that this worker set aside",
    unit="records",
    by=WORKER,
    labels=["topic", "kind"],
)
DEAD_LETTERS: Final = gauge(
    "dawalog_dead_letters",
    "Dead letters that nobody discarded; reported by the worker that owns reference partition 0",
    unit="records",
    by=WORKER,
    labels=["topic", "kind"],
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
