"""Posting a file's rows as events, a few batches at a time, and telling what became of each."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from infra.imports.api_client import ANSWER_SECONDS, ApiClient
from infra.imports.kinds import Draft, Kind
from infra.imports.recognising import recognise
from infra.imports.rows import BadRow, CsvFile, open_file
from stream.errors import Rejected

BATCH: Final = 500
IN_FLIGHT: Final = 3


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`kind` and `facility_id`: None to find the kind by the columns, and to make the facility.
    `auth`: None for an API that asks for no tokens.
    """

    file: Path
    api_url: str
    auth: httpx.Auth | None = None
    kind: str | None = None
    facility_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Called as the import goes on: with rows taken and bytes read, and with each row refused."""

    went_on: Callable[[int, int], None]
    refused: Callable[[BadRow], None]


@dataclass(slots=True)
class Totals:
    facility_id: str
    accepted: int = 0
    rejected: int = 0
    position: str | None = None


async def import_file(wanted: Wanted, watch: Watch) -> Totals:
    """Import all good rows and return once reads show them; a repeated import changes nothing.

    Raises Rejected where the file or the facility is none that can be imported, Unavailable where
    Dawalog doesn't answer (what was taken by then stays).
    """
    with open_file(wanted.file) as opened:
        file = CsvFile(opened)
        kind = recognise(file.columns, wanted.kind)
        async with httpx.AsyncClient(
            base_url=wanted.api_url, auth=wanted.auth, timeout=ANSWER_SECONDS
        ) as client:
            api = ApiClient(client)
            await api.check()
            facility_id = await _find_facility(api, kind, wanted.facility_id)
            await _register_items(api, kind)
            posting = _Posting(api, file, watch, Totals(facility_id))
            await posting.post_all(kind.list_drafts(file.rows(), facility_id))
            await api.until_projected()
    posting.totals.position = api.position
    return posting.totals


async def _find_facility(api: ApiClient, kind: Kind, facility_id: str | None) -> str:
    """The facility that the events are of; the kind's own is registered if it isn't yet."""
    found = facility_id or kind.facility_id
    try:
        known = await api.get(f"/v1/facilities/{found}/stock", params={"limit": 1})
    except Rejected as error:
        raise Rejected("unknown-facility", f"{found!r} is no facility: {error.detail}") from error
    if known is None and facility_id is not None:
        raise Rejected(
            "unknown-facility",
            f"No facility {facility_id} is registered: register it first, or leave --facility "
            f"out, and {kind.facility_id} is made for this file.",
        )
    if known is None:
        await _register(api, [kind.district, kind.facility])
    return found


async def _register_items(api: ApiClient, kind: Kind) -> None:
    missing = []
    for item in kind.items:
        found = await api.get("/v1/items", params={"q": item["item_id"], "limit": 1000})
        if item["item_id"] not in {known["item_id"] for known in found["items"]}:
            missing.append(item)
    if missing:
        await _register(api, missing)


async def _register(api: ApiClient, records: list[Mapping[str, Any]]) -> None:
    problems = await api.post_batch("/v1/reference/batch", records)
    for problem in filter(None, problems):
        raise Rejected("refused", problem)
    await api.until_projected()


@dataclass(slots=True)
class _Posting:
    api: ApiClient
    file: CsvFile
    watch: Watch
    totals: Totals

    async def post_all(self, drafts: Iterable[Draft | BadRow]) -> None:
        """Post all good rows, `IN_FLIGHT` batches at a time. Raises as `ApiClient.post_batch`."""
        room = asyncio.Semaphore(IN_FLIGHT)
        try:
            async with asyncio.TaskGroup() as tasks:
                for batch in self._batches(drafts):
                    await room.acquire()
                    tasks.create_task(self._post(batch)).add_done_callback(lambda _: room.release())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def _batches(self, drafts: Iterable[Draft | BadRow]) -> Iterator[list[Draft]]:
        batch: list[Draft] = []
        for draft in drafts:
            if isinstance(draft, BadRow):
                self._refuse(draft)
                continue
            batch.append(draft)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _post(self, batch: list[Draft]) -> None:
        problems = await self.api.post_batch("/v1/events/batch", [draft.event for draft in batch])
        for draft, problem in zip(batch, problems, strict=True):
            if problem is None:
                self.totals.accepted += 1
            else:
                self._refuse(BadRow(draft.line_no, problem))
        self.watch.went_on(self.totals.accepted, self.file.bytes_read)

    def _refuse(self, row: BadRow) -> None:
        self.totals.rejected += 1
        self.watch.refused(row)
