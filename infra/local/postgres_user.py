"""The user that Postgres runs as: it refuses to be root, and containers often have nobody else."""

import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local.failure import CannotStart
from infra.local.process import unshare

CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True)
class PostgresUser:
    """`become` runs in the child before exec (None: stay who we are); files belong to `owner`."""

    owner: int
    become: Callable[[], None] | None


def choose_user() -> PostgresUser:
    """A plain user stays itself; root goes into a user namespace, or else becomes `nobody`.

    In the namespace root is shown under another number, while its files stay root's outside, so
    that any folder will do; some containers forbid it.
    """
    if os.geteuid() != 0:
        return PostgresUser(os.geteuid(), None)
    namespaced = PostgresUser(0, _enter_namespace(shown_as=_any_user_but_root()))
    return namespaced if _works(namespaced) else _nobody()


def give_folder(folder: Path, user: PostgresUser) -> None:
    """Make the folder the user's, also when an earlier start ran as another user."""
    if folder.stat().st_uid == user.owner:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.owner, -1, follow_symlinks=False)


def check_reach(user: PostgresUser, *, folder: Path, program: Path) -> None:
    """Raise CannotStart if the user can't run the program or write into the folder."""
    script = 'test -x "$1" || exit 3; test -w "$2" || exit 4'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", program, folder],
        check=False,
        preexec_fn=user.become,
        cwd="/",
    )
    if done.returncode:
        where = program if done.returncode == 3 else folder
        raise CannotStart(
            f"Postgres can't run as root and its user can't reach {where}: "
            "start as a plain user, or use a folder that everyone may enter"
        )


def _enter_namespace(shown_as: int) -> Callable[[], None]:
    uid, gid = os.geteuid(), os.getegid()

    def become() -> None:
        unshare(CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{shown_as} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{shown_as} {gid} 1")

    return become


def _any_user_but_root() -> int:
    # initdb looks its user up by number, so it must be one that the system has a name for.
    return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)


def _works(user: PostgresUser) -> bool:
    try:
        done = subprocess.run(["/bin/sh", "-c", ":"], check=False, preexec_fn=user.become)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _nobody() -> PostgresUser:
    entry = pwd.getpwnam("nobody")

    def become() -> None:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    return PostgresUser(entry.pw_uid, become)
