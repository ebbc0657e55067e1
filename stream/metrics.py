"""What the log tells Prometheus. Kinds, units and meanings are the entries themselves."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS_APPENDED: Final = Counter(
    "dawalog_events_appended",
    "Records acknowledged by Kafka, by type of event or kind of reference record.",
    ["type"],
)
RECORDS_IN_FLIGHT: Final = Gauge(
    "dawalog_append_records_in_flight",
    "Records sent to Kafka and not yet answered.",
)
APPEND_SECONDS: Final = Histogram(
    "dawalog_append_duration_seconds",
    "From handing records to the producer until all are answered.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
