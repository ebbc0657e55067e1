"""The broker's jars: fetched by jgo from the committed lock, and used only if their hashes agree.

jgo writes a lock but doesn't hold a later fetch to it, so that is done here.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.resources import files
from pathlib import Path

from infra.local.failure import NOT_INSTALLED, CannotStart


def jar_folder() -> Path:
    """Where the jars of this installation are, or will be."""
    return Path(sys.prefix) / "share" / "dawalog" / "kafka"


def class_path() -> str:
    """The broker's class path; the jars are fetched if they are missing."""
    folder = jar_folder()
    if not _is_fresh(folder):
        fetch(folder)
    return f"{folder}/*"  # the JVM expands it to the jars in there


def fetch(folder: Path) -> None:
    """Fetch all jars of the lock into `folder`, replacing what is there."""
    fetched = folder.with_name(f"{folder.name}.fetch-{os.getpid()}")
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir(parents=True)
    try:
        found = _sync(fetched)
        _compare(found)
        _place(found, folder)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _sync(fetched: Path) -> dict[str, Path]:
    spec = fetched / "jgo.toml"
    spec.write_text(_resource("jgo.toml"))
    (fetched / "jgo.lock.toml").write_text(_resource("jgo.lock.toml"))
    jgo = Path(sysconfig.get_path("scripts")) / "jgo"
    if not jgo.exists():
        raise CannotStart(NOT_INSTALLED)
    done = subprocess.run(
        # Copies, not links: a link would let another project's cache change our jars later.
        [jgo, "--links=copy", "--system-java", f"--file={spec}", "sync"],
        check=False,
        env={**os.environ, "JGO_CACHE_DIR": str(fetched / "cache"), "COLOR": "plain"},
        cwd=fetched,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no message"]
        raise CannotStart(f"the broker's jars could not be fetched: {said[-1]}")
    return {jar.name: jar for jar in (fetched / "cache").rglob("*.jar")}


def _compare(found: dict[str, Path]) -> None:
    for name, expected in _locked().items():
        if name not in found:
            raise CannotStart(f"the broker's jar {name} was not fetched: jgo.lock.toml is stale")
        with found[name].open("rb") as jar:
            actual = hashlib.file_digest(jar, "sha256").hexdigest()
        if actual != expected:
            raise CannotStart(f"the broker's jar {name} is not the one in jgo.lock.toml: not used")


def _place(found: dict[str, Path], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _locked():
        found[name].rename(folder / name)
    _stamp(folder).write_text(_resource("jgo.lock.toml"))


def _locked() -> dict[str, str]:
    """File name to SHA-256 of every jar in the lock."""
    lock = tomllib.loads(_resource("jgo.lock.toml"))
    return {
        f"{jar['artifactId']}-{jar['version']}.jar": jar["sha256"] for jar in lock["dependencies"]
    }


def _is_fresh(folder: Path) -> bool:
    stamp = _stamp(folder)
    return stamp.exists() and stamp.read_text() == _resource("jgo.lock.toml")


def _stamp(folder: Path) -> Path:
    return folder / "fetched.lock.toml"


def _resource(name: str) -> str:
    return files("infra.local").joinpath(name).read_text()
