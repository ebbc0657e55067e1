"""Whether facilities report, remembered for a minute: finding it out takes as long as a third of a
stock read (1 ms beside 2.5), which asks it each time.
"""

from datetime import date
from time import monotonic
from typing import Final

from projections.queries.reporting import find_reporting
from projections.reading import ReadModel
from projections.reporting import Heard, Reporting, judge_reporting
from stream.errors import Unavailable

KEPT_SECONDS: Final = 60.0
MOST_KEPT: Final = 20_000
"""Facilities; a state has some 17,500."""


class ReportingMemory:
    def __init__(self, model: ReadModel, kept_seconds: float = KEPT_SECONDS) -> None:
        self._model = model
        self._kept_seconds = kept_seconds
        self._kept: dict[str, tuple[float, Heard]] = {}

    async def tell(
        self,
        facility_id: str,
        *,
        partition: int | None,
        today: date,
        heard_on: date | None,
        anew: bool = False,
    ) -> Reporting | None:
        """By when it was last heard of, and delays, gaps and closures a minute old at most.

        Args:
            partition: as in `find_stock`.
            anew: find delays, gaps and closures out now.

        Returns:
            None where it can't be told.
        """
        heard = None if anew else self._recall(facility_id)
        if heard is None:
            heard = await self._find(facility_id, partition)
        if heard is None:
            return None
        return judge_reporting(heard._replace(today=today, heard_on=heard_on)).reporting

    def _recall(self, facility_id: str) -> Heard | None:
        found_at, heard = self._kept.get(facility_id, (0.0, None))
        return heard if monotonic() - found_at < self._kept_seconds else None

    async def _find(self, facility_id: str, partition: int | None) -> Heard | None:
        try:
            found = await find_reporting(self._model, facility_id=facility_id, partition=partition)
        except Unavailable:
            return None
        if found is None:
            return None
        heard = found[1].heard
        self._kept.pop(facility_id, None)  # to the end: the first ones are the oldest
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[facility_id] = monotonic(), heard
        return heard
