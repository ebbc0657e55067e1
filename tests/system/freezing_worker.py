"""A worker that freezes itself in the midst of projecting, when a marker file appears.

Run as a program. It is the real worker but for that, and for not noticing that it stood still: what
keeps it from writing must be the positions alone.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from infra.logging import configure_logging
from infra.worker import main
from projections.lane import Lane
from projections.ledger import Outcome, project_events

BEFORE_TRANSACTION = Path(os.environ["FREEZE_BEFORE_TRANSACTION"])
BEFORE_COMMIT = Path(os.environ["FREEZE_BEFORE_COMMIT"])

number = Lane._number


async def number_and_freeze(*args: Any) -> None:
    """The last step before a transaction begins."""
    await number(*args)
    freeze_if_told(BEFORE_TRANSACTION)


async def project_and_freeze(*args: Any) -> Outcome:
    """Positions are moved before the rows are written: both are done here, and not committed."""
    outcome = await project_events(*args)
    freeze_if_told(BEFORE_COMMIT)
    return outcome


def freeze_if_told(marker: Path) -> None:
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


async def notice_nothing(session_seconds: float) -> None:
    await asyncio.Event().wait()


configure_logging()
with (
    patch.object(Lane, "_number", number_and_freeze),
    patch("projections.lane.project_events", project_and_freeze),
    patch("infra.worker.watch_standstill", notice_nothing),
):
    main()
