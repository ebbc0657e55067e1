"""Workers as processes of their own, which tests may freeze and kill."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stack import Stack
from tests.waiting import until

WORKER = ("-P", "-m", "infra.cli", "worker")


@dataclass(frozen=True)
class Worker:
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    async def until_claimed(self, partitions: int = 1, within: float = 30) -> None:
        """Wait until its newest claim is of so many partitions, or more."""

        async def has_claimed() -> bool:
            assert self.process.poll() is None, self.said
            claims = re.findall(r'"partitions": (\d+), "event": "partitions claimed"', self.said)
            return bool(claims) and int(claims[-1]) >= partitions

        await until(has_claimed, f"{partitions} partitions claimed", within)

    async def until_ended(self, seconds: float = 30) -> int:
        """Wait for its end and return the exit code."""

        async def has_ended() -> bool:
            return self.process.poll() is not None

        await until(has_ended, "the worker ended", seconds)
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextmanager
def running_worker(
    stack: Stack, log: Path, *, command: tuple[str, ...] = WORKER, **settings: str
) -> Iterator[Worker]:
    """A worker until the block ends; it is stopped in order, so that it leaves its group.

    It evaluates no rules unless the settings say so: what it appended would move positions.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | stack.environment | {"DAWALOG_ALERT_EVALUATION": "false"} | settings,
            stdout=file,
            stderr=file,
        )
    try:
        yield Worker(process, log)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)
