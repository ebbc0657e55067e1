"""One process of the embedded stack, as data: how to start it and how it wants to be stopped."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.process import before_exec, child_environment

# As Postgres, the JVM and our own JSON lines mark what went wrong.
GRAVE = ("FATAL", "PANIC", "ERROR", "Exception", '"level": "critical"', '"level": "error"')
LARGEST_LOG = 20 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Part:
    """`death_signal` is what the kernel sends it when we die without a word.

    `address` is where it listens; if it speaks HTTP, where it answers `/healthz` and `/readyz`.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    become: Callable[[], None] | None = None
    address: str = ""

    @property
    def speaks_http(self) -> bool:
        return self.address.startswith("http://")

    def process_options(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess.Popen` and asyncio's `create_subprocess_exec`.

        Its own session: Ctrl-C at the terminal must reach `up` alone, which stops parts in order.
        """
        return {
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "env": child_environment(self.environment),
            "start_new_session": True,
            "preexec_fn": before_exec(self.death_signal, self.become),
        }

    def last_words(self) -> str:
        """The line of its log that best says why it ended, for a message to the operator."""
        try:
            lines = self.log.read_text(errors="replace")[-8000:].splitlines()
        except OSError:
            return "no log"
        said = [line.strip() for line in lines if line.strip() and not _is_stack_frame(line)]
        grave = [line for line in said if any(word in line for word in GRAVE)]
        return (grave or said or ["no message"])[-1][:300]


def _is_stack_frame(line: str) -> bool:
    return line.startswith(("\t", "    "))


def roll(log: Path) -> None:
    """Keep one older file, so that logs don't grow for ever."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
