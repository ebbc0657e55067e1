"""Verifying the read model in the background, and what the metrics say of it.

One worker does it, the one that owns the partition of `reference`, in a process of its own at the
lowest priority: folding a log takes the interpreter, and projecting needs it.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from infra.local.process import before_exec
from infra.metrics import DRIFT_ROWS, VERIFIED_AT
from projections.settings import VerifierSettings

log = structlog.get_logger()

OWNER_SECONDS: Final = 5.0
"""How often a worker that has nothing to verify looks whether it is its turn now."""


class LastVerification(Collector):
    """The last result, and when it was had. Absent until a pass has ended."""

    def __init__(self) -> None:
        self._drift_rows: int | None = None
        self._verified_at = 0.0

    def set(self, drift_rows: int | None) -> None:
        """None: nothing is known here any more."""
        self._drift_rows, self._verified_at = drift_rows, time.time()

    def collect(self) -> Iterable[Metric]:
        if self._drift_rows is None:
            return
        for metric, value in ((DRIFT_ROWS, self._drift_rows), (VERIFIED_AT, self._verified_at)):
            family = metric.family()
            family.add_metric([], value)
            yield family


LAST_VERIFICATION: Final = LastVerification()
REGISTRY.register(LAST_VERIFICATION)


async def watch_drift(is_ours: Callable[[], bool]) -> None:
    """Verify again and again for as long as it is ours to do. Never returns."""
    settings = VerifierSettings()
    pause_seconds = settings.verify_first_minutes * 60
    while settings.verify_every_hours:
        await asyncio.sleep(pause_seconds)
        if is_ours():
            await _verify(settings)
            pause_seconds = settings.verify_every_hours * 3600
        else:
            LAST_VERIFICATION.set(None)
            pause_seconds = OWNER_SECONDS
    await asyncio.Event().wait()


async def _verify(settings: VerifierSettings) -> None:
    verdict = await _run(settings.verify_share)
    if verdict is None:
        return
    LAST_VERIFICATION.set(verdict["drift_rows"])
    say = log.error if verdict["drift_rows"] else log.info
    say("read model verified", **verdict)


async def _run(share: float) -> dict[str, Any] | None:
    """What `dawalog verify` says; None where it could not be done now."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "infra.cli", "verify", "--json"),
            *("--share", str(share)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=before_exec(signal.SIGKILL, become=None if share == 1 else _step_back),
        )
        said, complaint = await process.communicate()
        verdict: dict[str, Any] = json.loads(said)
    except OSError as error:  # such as no memory
        log.warning("the read model could not be verified", why=str(error))
        return None
    except ValueError:
        lines = complaint.decode(errors="replace").splitlines() or ["no message"]
        log.warning("the read model could not be verified", why=lines[-1])
        return None
    return verdict


def _step_back() -> None:
    os.nice(19)
