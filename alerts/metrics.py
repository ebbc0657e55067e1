"""What telling Alertmanager tells of itself."""

from typing import Final

from stream.declared import WORKER, counter

PUSHES: Final = counter(
    "dawalog_alertmanager_pushes_total",
    "Sendings of alerts to Alertmanager (outcome: taken, failed)",
    unit="requests",
    by=WORKER,
    labels=["outcome"],
)
