"""What the log tells Prometheus."""

from typing import Final

from stream.declared import BOTH, counter, gauge, histogram

EVENTS_APPENDED: Final = counter(
    "dawalog_events_appended_total",
    "Records acknowledged by Kafka, by type of event or kind of reference record",
    unit="records",
    by=BOTH,
    labels=["type"],
)
RECORDS_IN_FLIGHT: Final = gauge(
    "dawalog_append_records_in_flight",
    "Records sent to Kafka and not yet answered",
    unit="records",
    by=BOTH,
)
APPEND_SECONDS: Final = histogram(
    "dawalog_append_duration_seconds",
    "From handing records to the producer until all are answered",
    by=BOTH,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
