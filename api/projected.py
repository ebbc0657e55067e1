"""Waiting until the log is projected up to a position.

Each process listens once for the projector's NOTIFY, whatever the number of waiting requests. A
notification carries nothing: what counts are the positions in the database, asked once for all who
wait. Every 100 ms they are asked anyway, as notifications are lost while the listener reconnects.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import asyncpg
import structlog

from api.metrics import POSITION_WAIT_SECONDS
from projections.announcing import CHANNEL
from projections.queries.positions import find_positions
from projections.reading import ReadModel, Snapshot, session_settings
from projections.settings import ReadingSettings
from stream.errors import Unavailable
from stream.tasks import end_task
from stream.tokens import PositionToken

POLL_SECONDS: Final = 0.1
RECONNECT_SECONDS: Final = 1.0

logger = structlog.get_logger()


class Projected:
    """`wait_for` works without the listener too, only somewhat later."""

    def __init__(self, model: ReadModel, settings: ReadingSettings) -> None:
        self._model = model
        self._settings = settings
        self._notified = asyncio.Event()
        self._asking: asyncio.Task[Snapshot] | None = None
        self._asking_next: asyncio.Task[Snapshot] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._told: list[Callable[[], None]] = []

    def on_news(self, tell: Callable[[], None]) -> None:
        """Have `tell` called at each NOTIFY, too."""
        self._told.append(tell)

    async def start(self) -> None:
        self._listening = asyncio.create_task(self._listen(), name="projected-listener")

    async def stop(self) -> None:
        for task in (self._listening, self._asking, self._asking_next):
            await end_task(task)

    async def wait_for(self, token: PositionToken, *, seconds: float) -> None:
        """Return once everything that `token` asks for is projected; at least one look is taken.

        Raises Unavailable after `seconds`, Rejected if the token is another installation's.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        outcome = "given_up"
        try:
            while True:
                notified = self._notified  # before the look: a change after it isn't missed
                left = began + seconds - clock()
                if await self._is_reached(token, last_look=left <= 0):
                    outcome = "reached"
                    return
                if left <= 0:
                    raise Unavailable(
                        "What was just recorded is not in the stock figures yet. "
                        "Please try again in a moment."
                    )
                await _wait(notified, min(left, POLL_SECONDS))
        finally:
            POSITION_WAIT_SECONDS.labels(outcome).observe(clock() - began)

    async def _is_reached(self, token: PositionToken, *, last_look: bool) -> bool:
        try:
            positions = await self._ask()
        except Unavailable:
            if last_look:
                raise
            return False
        token.require_cluster(positions.cluster_id)
        return token.reached_by(positions.next_offsets)

    async def _ask(self) -> Snapshot:
        """Positions asked for after this call, in one query with all who ask meanwhile."""
        if self._asking_next is None:
            self._asking_next = asyncio.create_task(self._ask_after(self._asking))
            self._asking_next.add_done_callback(_retrieve)
        return await asyncio.shield(self._asking_next)

    async def _ask_after(self, asking: asyncio.Task[Snapshot] | None) -> Snapshot:
        if asking is not None:
            await asyncio.wait([asking])
        self._asking, self._asking_next = self._asking_next, None
        return await find_positions(self._model)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.warning("listener_lost", error=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        lost = asyncio.Event()
        connection = await asyncpg.connect(
            self._settings.database_url,
            timeout=self._settings.read_connect_timeout_seconds,
            server_settings=session_settings(self._settings, "dawalog-listen"),
        )
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._wake)
            self._wake()  # something may have changed while nobody listened
            await lost.wait()
        finally:
            connection.terminate()

    def _wake(self, *_: Any) -> None:
        self._notified.set()
        self._notified = asyncio.Event()
        for tell in self._told:
            tell()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _retrieve(task: asyncio.Task[Snapshot]) -> None:
    """Those who asked may all be gone; their error is then nobody's."""
    if not task.cancelled():
        task.exception()
