"""Keeping one part running: started again with back-off whenever it ends, until told to stop."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable

import structlog

from infra.local.failure import CannotStart
from infra.local.part import Part, roll
from infra.local.probe import until_ok, until_silent

logger = structlog.get_logger(__name__)

DELAYS_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# A part that lived so long was healthy: its next restart is quick again.
HEALTHY_SECONDS = 30.0
TRIES_BEFORE_READY = 3
STOP_SECONDS = 20.0


class Keeper:
    """`ready` returns once a process that was started works; the first time and each later one.

    `changed` is called after each start and end of the process, and when it is ready.
    """

    def __init__(
        self, part: Part, *, ready: Callable[[], Awaitable[None]], changed: Callable[[], None]
    ) -> None:
        self.part = part
        self.pid: int | None = None
        self._ready = ready
        self._is_ready = asyncio.Event()
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._ended = asyncio.Condition()
        self._ends = 0
        self._task = asyncio.create_task(self._keep(), name=f"keep {part.name}")

    @property
    def is_ready(self) -> bool:
        return self._is_ready.is_set()

    async def until_ready(self, *, seconds: float) -> None:
        """Raises CannotStart if the part keeps ending before it is ready, or time runs out."""
        waiting = asyncio.create_task(self._is_ready.wait())
        failing = asyncio.create_task(self._fails_to_start())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wait({waiting, failing}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise self._cannot_start(f"was not ready within {seconds:.0f} s") from None
        finally:
            failing.cancel()
            done = waiting.done()
            waiting.cancel()
        if not done:
            raise self._cannot_start("ended while it was starting")

    async def stop(self) -> None:
        """Ask it to stop, wait, and kill it if it doesn't."""
        self._stopping.set()
        self._signal(self.part.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(self._task), STOP_SECONDS)
        except TimeoutError:
            logger.warning("did not stop, killed", part=self.part.name)
            self._signal(signal.SIGKILL)
            await self._task

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            await self._run_once()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > HEALTHY_SECONDS else failures
            delay = DELAYS_SECONDS[min(failures, len(DELAYS_SECONDS) - 1)]
            failures += 1
            self._log_end(delay)
            async with self._ended:
                self._ends += 1
                self._ended.notify_all()
            await self._pause(delay)

    async def _run_once(self) -> None:
        self._process = None
        try:
            roll(self.part.log)
            with self.part.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.part.command, stdout=log, **self.part.process_options()
                )
        except (OSError, subprocess.SubprocessError) as error:  # such as no memory, no space
            logger.warning("could not be started", part=self.part.name, why=str(error))
            return
        self.pid = self._process.pid
        self._changed()
        if self._stopping.is_set():  # told to stop while it was being started
            self._signal(self.part.stop_signal)
        watches = [asyncio.create_task(each) for each in (self._tell(), self._kill_when_silent())]
        await self._process.wait()
        for watch in watches:
            watch.cancel()
        self.pid = None
        self._is_ready.clear()
        self._changed()

    async def _tell(self) -> None:
        await self._ready()
        self._is_ready.set()
        self._changed()
        logger.info("ready", part=self.part.name, pid=self.pid)

    async def _kill_when_silent(self) -> None:
        """A part that hangs is as bad as one that ended, and only we can end it."""
        if not self.part.speaks_http:
            return
        await until_ok(f"{self.part.address}/healthz")
        await until_silent(f"{self.part.address}/healthz")
        if not self._stopping.is_set():
            logger.warning("does not answer, killed", part=self.part.name, pid=self.pid)
            self._signal(signal.SIGKILL)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _fails_to_start(self) -> None:
        async with self._ended:
            await self._ended.wait_for(lambda: self._ends >= TRIES_BEFORE_READY)

    def _log_end(self, delay_seconds: float) -> None:
        code = self._process.returncode if self._process else None
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        logger.warning(
            "ended, starting it again", part=self.part.name, how=how, in_seconds=delay_seconds
        )

    def _cannot_start(self, what: str) -> CannotStart:
        part = self.part
        return CannotStart(f"{part.name} {what}: {part.last_words()} (see {part.log})")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
