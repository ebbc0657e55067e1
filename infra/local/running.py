"""Who runs in a data folder: one `up` at a time, and what it started."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.local.failure import CannotStart
from infra.local.process import signal_process, started_at, uptime_seconds

ENDING_SECONDS = 20.0


class Running(BaseModel):
    """One process: its pid alone could be another's by now, with its start it can't."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str
    pid: int
    started: str
    address: str = ""
    is_ready: bool = False

    @property
    def alive(self) -> bool:
        return started_at(self.pid) == self.started

    @property
    def uptime_seconds(self) -> float:
        return uptime_seconds(self.started)


class ProcessList(BaseModel):
    """All processes of one `up`; the first is `up` itself."""

    model_config = ConfigDict(frozen=True, strict=True)

    up: Running
    parts: tuple[Running, ...] = ()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go of it however we end.

    Raises CannotStart when another `up` has it.
    """
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            listed = read_processes(folder)
            who = f", pid {listed.up.pid}" if listed else ""
            raise CannotStart(
                f"`dawalog up` is already running in {folder}{who}: stop it, or name another "
                "folder with --data-dir"
            ) from None
        yield


def write_processes(folder: Path, parts: Iterable[Running]) -> None:
    """Record which part has which pid now, and whether it works."""
    listed = ProcessList(
        up=Running(name="up", pid=os.getpid(), started=started_at(os.getpid()) or ""),
        parts=tuple(part for part in parts if part.started),
    )
    fresh = folder / "processes.new"
    fresh.write_text(listed.model_dump_json())
    fresh.replace(folder / "processes.json")


def read_processes(folder: Path) -> ProcessList | None:
    """What the last `up` recorded, running or not; None where nothing readable is there."""
    try:
        return ProcessList.model_validate_json((folder / "processes.json").read_bytes())
    except (OSError, ValidationError):
        return None


def running_parts(folder: Path) -> list[Running]:
    """The living parts of a running `up`; raises CannotStart when none is running."""
    return [part for part in require_running(folder).parts if part.alive]


def require_running(folder: Path) -> ProcessList:
    """What a running `up` recorded last; raises CannotStart when none is running."""
    listed = read_processes(folder)
    if listed is None or not listed.up.alive:
        raise CannotStart(
            f"no `dawalog up` is running in {folder}: start it, or name another folder with "
            "--data-dir"
        )
    return listed


def end_leftovers(folder: Path) -> None:
    """End what a killed `up` may have left behind. Only for the holder of the folder. Blocks."""
    listed = read_processes(folder)
    left = [part for part in listed.parts if part.alive] if listed else []
    for part in left:
        # Postgres by its immediate shutdown: it takes its own children with it.
        number = signal.SIGQUIT if part.name == "postgres" else signal.SIGKILL
        signal_process(part.pid, number)
        signal_process(part.pid, signal.SIGCONT)
    deadline = time.monotonic() + ENDING_SECONDS
    while any(part.alive for part in left):
        if time.monotonic() > deadline:
            for part in left:
                signal_process(part.pid, signal.SIGKILL)
        time.sleep(0.02)
