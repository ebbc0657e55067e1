"""A worker that freezes itself between the rows and the commit, when a marker file appears.

Run as a program. It is the real worker but for one step of its transaction.
"""

import os
import signal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from infra.logging import configure_logging
from infra.worker import main
from projections.ledger import Outcome, project_events

MARKER = Path(os.environ["FREEZE_MARKER"])


async def project_events_and_freeze(*args: Any) -> Outcome:
    """Positions are moved before the rows are written: both are done here, and not committed."""
    outcome = await project_events(*args)
    freeze_if_told()
    return outcome


def freeze_if_told() -> None:
    if MARKER.exists():
        MARKER.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


configure_logging()
with patch("projections.lane.project_events", project_events_and_freeze):
    main()
