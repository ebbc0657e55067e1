"""Metrics of the API. Labels are bounded: route templates, never paths."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUEST_SECONDS: Final = Histogram(
    "dawalog_http_request_seconds",
    "Time from a request's head to the end of its answer",
    ["route", "method", "status_class"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

POSITION_WAIT_SECONDS: Final = Histogram(
    "dawalog_position_wait_seconds",
    "Time that requests waited until a position was projected (outcome: reached, given_up)",
    ["outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

LIVE_READERS: Final = Gauge("dawalog_live_readers", "Open live streams")

LIVE_DROPPED: Final = Counter(
    "dawalog_live_dropped", "Live streams ended because their readers took too little"
)
