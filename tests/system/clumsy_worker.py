"""A worker with a bug: it fails to apply events whose note says so. `python -m` this module."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.logging import configure_logging
from infra.worker import main
from projections import lane
from projections.arrivals import Arrival
from projections.ledger import Outcome, project_events

CLUMSY = ("-m", "tests.system.clumsy_worker")
NOTE = "trips the worker"


async def trip(
    connection: Any, arrivals: Sequence[Arrival], item_nos: Mapping[str, int]
) -> Outcome:
    outcome = await project_events(connection, arrivals, item_nos)
    if any(getattr(arrival.event, "note", None) == NOTE for arrival in outcome.applied):
        raise ValueError("the program is at fault")
    return outcome


if __name__ == "__main__":
    configure_logging()
    lane.project_events = trip  # type: ignore[attr-defined]
    main()
