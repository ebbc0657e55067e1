"""A real `dawalog up` in a subprocess, as an operator has it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.installation import Installation, find_installation
from infra.local.process import started_at
from infra.local.running import running_parts

DAWALOG = str(Path(sys.executable).with_name("dawalog"))
WITHIN_SECONDS = 60.0
READY = re.compile(r"^ready (http://127\.0\.0\.1:\d+)\n", re.MULTILINE)


def dawalog(*words: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, without settings from our own environment."""
    where = ["--data-dir", str(folder)] if folder else []
    return subprocess.run(
        [DAWALOG, *words, *where], check=False, capture_output=True, text=True, env=environment()
    )


def copy_folder(stopped: Path, to: Path) -> Path:
    """A service goes on in the copy; that costs half of what a first start costs."""
    shutil.copytree(stopped, to, symlinks=True)
    return to


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("DAWALOG_")}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_SECONDS:.0f} s: {what}"
        time.sleep(0.02)


@dataclass
class Service:
    """One `up` (or `demo`) at a time on one folder; `close` ends whatever is left of it.

    `up` runs open, unless `asks_for_tokens`. `settings_given` are in its environment.
    """

    folder: Path
    command: str = "up"
    asks_for_tokens: bool = False
    settings_given: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _process: "subprocess.Popen[str] | None" = field(default=None)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder.parent / "up.log").read_text()

    def start(self, *words: str) -> str:
        """Start it, wait for the ready line and return the address in it."""
        is_open = self.command == "up" and not self.asks_for_tokens
        with (self.folder.parent / "up.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    DAWALOG,
                    self.command,
                    "--data-dir",
                    str(self.folder),
                    *(words or ("--port", "0")),
                    *(("--open",) if is_open else ()),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment() | self.settings_given,
            )
        assert self._process.stdout is not None
        said = ""
        while not (found := READY.search(said)):
            line = self._process.stdout.readline()
            assert line, f"said {said!r}, logged: {self.log}"
            said += line
        self.url = found[1]
        return self.url

    def said_further(self, lines: int) -> str:
        """So many lines after the one that says ready."""
        assert self._process is not None
        assert self._process.stdout is not None
        return "".join(self._process.stdout.readline() for _ in range(lines))

    def token(self, *words: str) -> str:
        done = dawalog("token", *words, folder=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pids(self) -> dict[str, int]:
        """What `dawalog ps` tells; asked too often to start a program each time."""
        return {part.name: part.pid for part in running_parts(self.folder)}

    @property
    def installation(self) -> Installation:
        found = find_installation(self.folder)
        assert found is not None
        return found

    @property
    def database_url(self) -> str:
        return self.installation.postgres(self.folder).database_url

    @property
    def bootstrap_servers(self) -> str:
        return self.installation.kafka(self.folder).bootstrap_servers

    def settings(self) -> dict[str, object]:
        done = dawalog("settings", "--json", folder=self.folder)
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal `up`, wait for its end and return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(WITHIN_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self.stop(signal.SIGKILL)


def is_gone(pid: int) -> bool:
    return started_at(pid) is None
