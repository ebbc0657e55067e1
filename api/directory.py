"""The registered facilities, in memory: posting for a known one needs Kafka alone."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

import structlog

from projections.queries.facilities import find_facility_ids, list_facility_ids
from projections.reading import ReadModel
from stream.errors import DawalogError, Fault, Rejected, Unavailable
from stream.tasks import end_task

log = structlog.get_logger()

REFRESH_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 0.5


class Directory:
    """Facilities are never unregistered, so ids are only added."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._known: set[str] = set()
        self._next_offset = 0
        self.is_loaded = False
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is registered; goes on without, and tries again, while Postgres is away."""
        await self._refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def stop(self) -> None:
        await end_task(self._refreshing)

    def add(self, facility_id: str) -> None:
        """This process has just recorded it."""
        self._known.add(facility_id)

    async def find_refusals(self, facility_ids: Collection[str]) -> Mapping[str, DawalogError]:
        """Why no event can be taken for these facilities; nothing for those that are registered.

        Only an id that isn't in memory is looked up; with Postgres away nobody knows about it.
        """
        unknown = [facility_id for facility_id in facility_ids if facility_id not in self._known]
        if not unknown:
            return {}
        try:
            self._known.update(await find_facility_ids(self._read_model, unknown))
        except Unavailable as error:
            return dict.fromkeys(unknown, error)
        return {
            facility_id: _unknown_facility(facility_id)
            for facility_id in unknown
            if facility_id not in self._known
        }

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS if self.is_loaded else RETRY_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            added, self._next_offset = await list_facility_ids(
                self._read_model, since_offset=self._next_offset
            )
        except Unavailable as error:
            log.info("facilities are not loaded yet", reason=error.detail)
        else:
            self._known.update(added)
            self.is_loaded = True
            self.is_loaded = True


def _unknown_facility(facility_id: str) -> Rejected:
    return Rejected(
        "unknown-facility",
        f"No facility {facility_id} is registered here. Keep this and send it again once it is.",
        [Fault("/facility_id", "this facility is not registered")],
    )
