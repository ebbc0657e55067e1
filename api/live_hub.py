"""What changed, asked once a wake-up for all who read the live stream.

Everything happens in one task, a look after the other, so a reader never gets an older figure
after a newer one. Who resumes is caught up in between, by a look of its own from where it was.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import orjson
import structlog
from fastapi.sse import format_sse_event

from api.live_readers import Reader, Readers, Told
from api.live_rows import encode_row
from api.metrics import LIVE_READERS
from api.projected import Projected
from projections.queries.changes import Changes, Filters, Mark, find_changes, find_mark
from projections.reading import NOT_REACHED, ReadModel
from stream.errors import Rejected, Unavailable
from stream.tasks import end_task
from stream.tokens import PositionToken

LOOK_EVERY_SECONDS: Final = 0.05
"""At most so often; the first change after a pause is looked for at once."""

POLL_SECONDS: Final = 0.5
"""A NOTIFY may be lost while the listener reconnects."""

MOST_RECORDS: Final = 10_000
MOST_ROWS: Final = 5_000
"""Whoever is further behind than either is told to read everything anew."""

MOST_READERS: Final = 1_000

STOPPING: Final = "Dawalog is being stopped here. Please connect again."
FULL: Final = "Too many live streams are open here. Please try again later."

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class _Joining:
    """`last_event_id` is None for who begins now."""

    reader: Reader
    last_event_id: str | None
    admitted: "asyncio.Future[None]"


class LiveHub:
    def __init__(self, model: ReadModel, projected: Projected) -> None:
        self._model = model
        self._projected = projected
        self._readers = Readers()
        self._joining: list[_Joining] = []
        self._state: Changes | None = None
        self._due = asyncio.Event()
        self._is_closed = False
        self._looking: asyncio.Task[None] | None = None
        self.position = ""
        """Up to where readers that have nothing waiting were told everything."""

    async def start(self) -> None:
        self._projected.on_news(self._due.set)
        self._looking = asyncio.create_task(self._run(), name="live-hub")
        self._looking.add_done_callback(_log_failure)

    async def stop(self) -> None:
        self.close()
        await end_task(self._looking)

    def close(self) -> None:
        """End all streams: they wouldn't end by themselves. None is taken from now on."""
        self._is_closed = True
        for reader in self._readers:
            reader.close()
        self._refuse(Unavailable(STOPPING))

    async def join(self, filters: Filters, last_event_id: str | None) -> Reader:
        """A reader that has been told where it stands: each change from now on reaches it, and
        with `last_event_id` those since.

        Raises Unavailable.
        """
        if self._is_closed:
            raise Unavailable(STOPPING)
        if len(self._readers) + len(self._joining) >= MOST_READERS:
            raise Unavailable(FULL, retry_after_seconds=10)
        joining = _Joining(
            Reader(filters), last_event_id, asyncio.get_running_loop().create_future()
        )
        self._joining.append(joining)
        self._due.set()
        try:
            await joining.admitted
        except asyncio.CancelledError:
            self.leave(joining.reader)
            raise
        return joining.reader

    def leave(self, reader: Reader) -> None:
        self._readers.remove(reader)
        LIVE_READERS.set(len(self._readers))

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                await self._until_due()
                began = clock()
                try:
                    await self._look()
                except (Unavailable, asyncpg.PostgresError) as error:
                    logger.warning("live_look_failed", error=str(error))
                    self._refuse(Unavailable(NOT_REACHED))
                await asyncio.sleep(max(0.0, began + LOOK_EVERY_SECONDS - clock()))
        finally:
            self.close()

    async def _until_due(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS if len(self._readers) else None):
                await self._due.wait()
        self._due.clear()

    async def _look(self) -> None:
        joining, self._joining = self._joining, []
        try:
            if not len(self._readers):
                self._state = None
            if self._state is not None:
                await self._tell_changes(self._state)
            elif joining:
                self._stand_at(await find_mark(self._model))
            if self._state is not None:
                await self._admit(joining, self._state)
        finally:
            self._joining += [one for one in joining if not one.admitted.done()]

    def _stand_at(self, state: Changes) -> None:
        self._state = state
        self.position = state.mark.token.encode()

    async def _tell_changes(self, state: Changes) -> None:
        changes = await self._find_changes(state.mark)
        if changes.source != state.source:
            self._stand_at(changes)
            self._reset(self._readers, "rebuilt")
        elif not state.mark.token.reached_by(changes.mark.next_offsets):
            return  # a replica that is behind, or an older database restored: it will come
        elif changes.too_many:
            self._stand_at(changes)
            self._reset(self._readers, "too_many")
        elif changes.mark != state.mark:
            before = self.position
            self._stand_at(changes)
            self._readers.tell(_encode(changes, before, self.position))
            LIVE_READERS.set(len(self._readers))

    async def _admit(self, joining: Sequence[_Joining], state: Changes) -> None:
        resuming: list[_Resuming] = []
        for one in joining:
            if one.last_event_id is None:
                self._take(one, [_position_block(self.position)])
            elif (since := _resume_from(one.last_event_id, state.mark)) is None:
                self._take(one, [_reset_block("unknown_position", self.position)])
            else:
                resuming.append((one, since))
        if resuming:
            await self._catch_up(resuming, state.mark)

    async def _catch_up(self, resuming: "Sequence[_Resuming]", mark: Mark) -> None:
        """Tell each what changed since the oldest of their positions, if that isn't too much."""
        since = PositionToken.earliest(token for _, token in resuming)
        if len(resuming) > 1 and mark.records_since(since) > MOST_RECORDS:
            ordered = sorted(resuming, key=lambda one: mark.records_since(one[1]))
            await self._catch_up(ordered[: len(ordered) // 2], mark)
            await self._catch_up(ordered[len(ordered) // 2 :], mark)
            return
        changes = await self._find_changes(Mark.of_token(since))
        position = changes.mark.token.encode()
        rows = _encode(changes, since.encode(), position)
        for joining, _ in resuming:
            if changes.too_many:
                self._take(joining, [_reset_block("too_many", position)])
                continue
            reader = joining.reader
            reader.tell([told for told in rows if reader.filters.match(told.row)])
            self._take(joining, [_position_block(position)])

    async def _find_changes(self, since: Mark) -> Changes:
        return await find_changes(
            self._model, since, most_records=MOST_RECORDS, most_rows=MOST_ROWS
        )

    def _take(self, joining: _Joining, blocks: Sequence[bytes]) -> None:
        if not joining.admitted.done():  # else it has gone meanwhile
            joining.reader.put(blocks)
            self._readers.add(joining.reader)
            if self._is_closed:
                joining.reader.close()
            LIVE_READERS.set(len(self._readers))
            joining.admitted.set_result(None)

    def _reset(self, readers: Iterable[Reader], reason: str) -> None:
        for reader in readers:
            reader.restart(_reset_block(reason, self.position))

    def _refuse(self, error: Unavailable) -> None:
        joining, self._joining = self._joining, []
        for one in joining:
            if not one.admitted.done():
                one.admitted.set_exception(error)


_Resuming = tuple[_Joining, PositionToken]


def _log_failure(task: "asyncio.Task[None]") -> None:
    """What nobody expected: all streams are ended, and `/v1/live` is 503 from now on."""
    if not task.cancelled() and (error := task.exception()):
        logger.error("live_hub_failed", exc_info=error)


def _resume_from(last_event_id: str, mark: Mark) -> PositionToken | None:
    """None for what is no position of this installation."""
    try:
        token = PositionToken.parse(last_event_id)
        token.require_cluster(mark.cluster_id)
    except Rejected:
        return None
    return token


def _encode(changes: Changes, before: str, after: str) -> list[Told]:
    before_id, after_id = _position_block(before), _position_block(after)
    told = []
    for row in changes.rows:
        data = encode_row(row, changes.taken_at).decode()
        block = format_sse_event(event="stock", data_str=data)[:-1]  # goes on with an id
        told.append(Told(row, block + before_id, block + after_id))
    return told


def _reset_block(reason: str, position: str) -> bytes:
    data = orjson.dumps({"reason": reason}).decode()
    return format_sse_event(event="reset", data_str=data, id=position)


def _position_block(position: str) -> bytes:
    """No event: it only sets what the reader sends as Last-Event-ID."""
    return format_sse_event(id=position)
