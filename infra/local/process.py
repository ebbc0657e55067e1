"""Starting a child that can't outlive us, and knowing a process again by its start time."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Loaded before any fork: loading in the child could meet a lock that another thread holds.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def before_exec(
    death_signal: signal.Signals, become: Callable[[], None] | None = None
) -> Callable[[], None]:
    """What a child runs between fork and exec: take its user, then die with its parent.

    The order matters: the kernel forgets the death signal when a process changes its user.
    """
    parent = os.getpid()

    def prepare() -> None:
        if become is not None:
            become()
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # died before prctl: no signal will come
                os._exit(1)

    return prepare


def unshare(flags: int) -> None:
    """`unshare(2)`; raises OSError where it is not permitted."""
    if _libc is None:
        raise OSError("namespaces are a feature of Linux")
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def started_at(pid: int) -> str | None:
    """When the process started, in a form that only compares; None when it is gone.

    With the pid it names one process for ever, though the system uses pids again.
    A zombie has ended: None.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def uptime_seconds(started: str) -> float:
    """How long ago that was, of what `started_at` gave."""
    since_boot = float(Path("/proc/uptime").read_text().split()[0])
    return max(0.0, since_boot - int(started) / os.sysconf("SC_CLK_TCK"))


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment with `extra` on top, and output that reaches the log at once."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **extra}
