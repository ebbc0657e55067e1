"""Metrics of the API. Labels are bounded: route templates, never paths."""

from typing import Final

from stream.declared import API, counter, gauge, histogram
from stream.errors import DawalogError, Rejected

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

HTTP_REQUEST_SECONDS: Final = histogram(
    "dawalog_http_request_seconds",
    "From a request's head to the end of its answer. route_class: post, register, read, live "
    "(ends when its reader goes) or else; route is a template such as /v1/facilities/{facility_id}",
    by=API,
    labels=["route_class", "route", "method", "status_class"],
    buckets=_BUCKETS,
)

POSTS_REFUSED: Final = counter(
    "dawalog_posts_refused_total",
    "Events and reference records refused, each of a batch for itself, by type of problem",
    unit="records",
    by=API,
    labels=["problem"],
)

POSITION_WAIT_SECONDS: Final = histogram(
    "dawalog_position_wait_seconds",
    "Time that requests waited until a position was projected (outcome: reached, given_up)",
    by=API,
    labels=["outcome"],
    buckets=_BUCKETS,
)

LIVE_READERS: Final = gauge("dawalog_live_readers", "Open live streams", unit="streams", by=API)

LIVE_DROPPED: Final = counter(
    "dawalog_live_dropped_total",
    "Live streams ended because their readers took too little",
    unit="streams",
    by=API,
)


def count_refused(error: DawalogError) -> None:
    """Of a post. What couldn't be taken for other reasons is counted by its status alone."""
    if isinstance(error, Rejected):
        POSTS_REFUSED.labels(error.problem_type).inc()
