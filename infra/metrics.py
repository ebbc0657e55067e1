"""What a worker tells of itself, beside what its projector tells."""

from typing import Final

from stream.declared import WORKER, computed, gauge

STANDSTILL_SECONDS: Final = gauge(
    "dawalog_worker_standstill_seconds",
    "How long records have been waiting here while no position moved; at 60 s (or "
    "DAWALOG_WORKER_STUCK_SECONDS) the worker ends",
    unit="seconds",
    by=WORKER,
)
DRIFT_ROWS: Final = computed(
    "dawalog_ledger_drift_rows",
    "Rows of the read model that are not what the log says, when last verified. Absent until then; "
    "reported by the worker that owns reference partition 0",
    unit="rows",
    by=WORKER,
)
VERIFIED_AT: Final = computed(
    "dawalog_ledger_verified_timestamp_seconds",
    "When the last verification of the read model ended",
    unit="seconds since 1970",
    by=WORKER,
)
