"""The registered facilities, in memory: posting for a known one needs Kafka alone."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

from api.access import Scope
from projections.queries.facilities import (
    FacilityRecord,
    find_facility_records,
    list_facility_records,
)
from projections.reading import ReadModel
from stream.errors import DawalogError, Fault, Rejected, Unavailable
from stream.tasks import end_task

log = structlog.get_logger()

REFRESH_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 0.5
YIELD_EVERY: Final = 500
MOST_LEVELS: Final = 10
"""Of parents over a facility; a ring of them, which nothing forbids, ends there too."""


class Directory:
    """Facilities are never unregistered, so records are only added. A change of where a facility
    belongs that another process took is known here after `REFRESH_SECONDS`.
    """

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._known: defaultdict[str, set[FacilityRecord]] = defaultdict(set)
        self._districts: set[str] = set()
        self._next_offset = 0
        self.is_loaded = False
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is registered; goes on without, and tries again, while Postgres is away."""
        await self._refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def stop(self) -> None:
        await end_task(self._refreshing)

    def add(self, record: FacilityRecord) -> None:
        """This process has just recorded it."""
        self._take([record])

    def has(self, facility_id: str) -> bool:
        """Whether it is registered, as far as this process knows."""
        return facility_id in self._known

    def has_in_district(self, district_id: str) -> bool:
        """Whether a facility is or was registered in it, as far as this process knows."""
        return district_id in self._districts

    def is_within(self, scope: Scope, facility_id: str) -> bool:
        """Whether the scope names it, its district, or a facility that it is a part of.

        Of one that isn't in memory only what the scope names by itself is known.
        """
        above: str | None = facility_id
        for _ in range(MOST_LEVELS):
            if above is None:
                break
            if above in scope.facilities:
                return True
            record = self._in_force(above)
            if above == facility_id and record and record.district_id in scope.districts:
                return True
            above = record and record.parent_facility_id
        return False

    async def list_within(self, scope: Scope) -> list[str]:
        """A look at all facilities, which lets others have their turn."""
        found = []
        for number, facility_id in enumerate(tuple(self._known), 1):
            if self.is_within(scope, facility_id):
                found.append(facility_id)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return found

    async def find_refusals(self, facility_ids: Collection[str]) -> Mapping[str, DawalogError]:
        """Why no event can be taken for these facilities; nothing for those that are registered.

        Only an id that isn't in memory is looked up; with Postgres away nobody knows about it.
        """
        unknown = [facility_id for facility_id in facility_ids if facility_id not in self._known]
        if not unknown:
            return {}
        try:
            self._take(await find_facility_records(self._read_model, unknown))
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
            added, self._next_offset = await list_facility_records(
                self._read_model, since_offset=self._next_offset
            )
        except Unavailable as error:
            log.info("facilities are not loaded yet", reason=error.detail)
        else:
            self._take(added)
            self.is_loaded = True

    def _take(self, records: Iterable[FacilityRecord]) -> None:
        for record in records:
            self._known[record.facility_id].add(record)
            self._districts.add(record.district_id)

    def _in_force(self, facility_id: str) -> FacilityRecord | None:
        now = datetime.now(UTC)
        records = [each for each in self._known.get(facility_id, ()) if each.valid_from <= now]
        return max(records, key=lambda each: (each.valid_from, each.log_offset), default=None)


def _unknown_facility(facility_id: str) -> Rejected:
    return Rejected(
        "unknown-facility",
        f"No facility {facility_id} is registered here. Keep this and send it again once it is.",
        [Fault("/facility_id", "this facility is not registered")],
    )
