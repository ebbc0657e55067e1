"""A worker that freezes itself between the rows and the commit, when a marker file appears.

Run as a program. It is the real worker but for one step of its transaction.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.logging import configure_logging
from infra.worker import main
from projections import lane
from projections.arrivals import Arrival

MARKER = Path(os.environ["FREEZE_MARKER"])

project_events = lane.project_events


async def project_events_and_freeze(
    connection: Any, arrivals: Sequence[Arrival], *args: Any
) -> Any:
    outcome = await project_events(connection, arrivals, *args)
    if MARKER.exists():
        MARKER.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)
    return outcome


lane.project_events = project_events_and_freeze
configure_logging()
main()
