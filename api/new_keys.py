"""Making a year's privacy keys when the first dispense of it comes, and never a second time.

A key file that was lost, or came from an old backup, lacks keys that were used: with others, one
patient would become two. The read model knows (docs/decisions/0011).
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from projections.queries.used_keys import are_used
from projections.reading import ReadModel
from stream.codec import has_private
from stream.errors import DawalogError
from stream.events import PostedEvent
from stream.key_file import ist_year
from stream.keyring import KeyRing

log = structlog.get_logger()


class NewKeys:
    """Asks Postgres only where the key file has none of a year: else posting needs Kafka alone."""

    def __init__(self, ring: KeyRing, read_model: ReadModel) -> None:
        self._ring = ring
        self._read_model = read_model
        self._used: set[int] = set()
        self._making = asyncio.Lock()

    async def require(self, event: PostedEvent) -> None:
        """Raises why this event can't be recorded now."""
        for refusal in (await self.find_refusals([event])).values():
            raise refusal

    async def find_refusals(self, events: Iterable[PostedEvent]) -> Mapping[int, DawalogError]:
        """Why nothing private of some years can be recorded now; makes keys where it may."""
        refusals: dict[int, DawalogError] = {}
        for year in {ist_year(event.occurred_at) for event in events if has_private(event)}:
            try:
                await self._ensure(year)
            except DawalogError as error:
                refusals[year] = error
        return refusals

    async def _ensure(self, year: int) -> None:
        if not self._ring.lacks(year):
            return
        async with self._making:
            if not self._ring.lacks(year):
                return
            if year not in self._used:
                if not await are_used(self._read_model, self._ring.state, year):
                    self._ring.create(year)
                    return
                self._used.add(year)
                log.error("privacy keys are missing", state=self._ring.state, year=year)
            raise self._ring.missing(year)
