"""The file that holds the privacy keys, and nothing else does: destroyed here, they are gone.

Whenever the file is replaced, what it held before is overwritten on the disk too.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from stream.errors import Corrupt, Unavailable

IST: Final = timedelta(hours=5, minutes=30)
LIFE_YEARS: Final = 3
"""Keys live so long after the end of their year: until then a register may have to be shown."""

_Secret = Annotated[str, StringConstraints(min_length=44, max_length=44)]


def ist_year(instant: datetime) -> int:
    """The year of Indian Standard Time that an instant is in."""
    return (instant + IST).year


def is_over(year: int, now: datetime) -> bool:
    """Whether the life of that year's keys is over."""
    return ist_year(now) > year + LIFE_YEARS


class StoredKeys(BaseModel):
    """One entry of the file. After destruction only the dates are left, and never come back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    state: str
    year: int
    created_at: datetime
    pseudonym_key: _Secret | None = Field(default=None, repr=False)
    seal_key: _Secret | None = Field(default=None, repr=False)
    destroyed_at: datetime | None = None

    @property
    def due_on(self) -> date:
        """The day, in India, from which on the keys are to be destroyed."""
        return date(self.year + LIFE_YEARS + 1, 1, 1)

    def is_due(self, now: datetime) -> bool:
        return self.destroyed_at is None and is_over(self.year, now)

    def destroy(self, now: datetime) -> "StoredKeys":
        return self.model_copy(
            update={"pseudonym_key": None, "seal_key": None, "destroyed_at": now}
        )


class KeyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[StoredKeys, ...] = ()

    def find(self, state: str, year: int) -> StoredKeys | None:
        """At most one: a year whose keys were destroyed never gets others."""
        return next((k for k in self.keys if (k.state, k.year) == (state, year)), None)

    def with_keys(self, *changed: StoredKeys) -> "KeyFile":
        """With these instead of those of the same state and year, or added."""
        places = {(keys.state, keys.year): keys for keys in (*self.keys, *changed)}
        return KeyFile(keys=tuple(places.values()))


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file does; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read_keys(path: Path) -> KeyFile:
    """Raises Corrupt for no key file and one that others can read, Unavailable for no reading."""
    try:
        while True:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o007:
                    raise Corrupt(f"other users can read the key file {path}: chmod 600 it")
                content = file.read()
                was_replaced = os.fstat(file.fileno()).st_nlink == 0
            if not was_replaced:  # else it may have been overwritten while we read it
                return KeyFile.model_validate_json(content)
    except FileNotFoundError:
        return KeyFile()
    except OSError as error:
        raise Unavailable(f"the key file {path} can't be read: {error.strerror}", 30) from error
    except ValidationError:
        # its text would show the keys
        raise Corrupt(f"{path} is not a key file of Dawalog") from None


def change_keys(path: Path, change: Callable[[KeyFile], KeyFile]) -> KeyFile:
    """Change the file while nobody else does; returns what it holds then.

    Raises as `read_keys`.
    """
    try:
        with _locked(path):
            _overwrite(_fresh(path))  # left behind when the power failed
            before = read_keys(path)
            after = change(before)
            if after != before:
                _replace(path, after)
            return after
    except OSError as error:
        raise Unavailable(f"the key file {path} can't be written: {error.strerror}", 30) from error


def _replace(path: Path, content: KeyFile) -> None:
    """In one step: keys in use must survive a power cut. Then the old bytes are overwritten."""
    fresh = _fresh(path)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content.model_dump_json(indent=2, exclude_none=True).encode())
        file.flush()
        os.fsync(file.fileno())
    old = os.open(path, os.O_RDWR) if path.exists() else None
    fresh.replace(path)
    _sync_folder(path.parent)
    if old is not None:
        with os.fdopen(old, "r+b") as file:
            _fill_with_zeros(file.fileno())


def _overwrite(path: Path) -> None:
    """Overwrite a file and remove it, if it is there."""
    if path.exists():
        with path.open("r+b") as file:
            _fill_with_zeros(file.fileno())
        path.unlink()


def _fill_with_zeros(descriptor: int) -> None:
    os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
    os.fsync(descriptor)


def _fresh(path: Path) -> Path:
    return path.with_name(path.name + ".new")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
