"""The file of the privacy keys, outside log and database, so that it alone can be destroyed.

One pair of keys per state and IST year of `occurred_at`, made when first needed and never changed.
Several API processes may share the file: a lock is held while a year's keys are made.
"""

import fcntl
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from stream.errors import Corrupt, Rejected, Unavailable
from stream.privacy import YearKeys

IST: Final = timedelta(hours=5, minutes=30)
KEY_BYTES: Final = 32

_Secret = Annotated[str, StringConstraints(min_length=44, max_length=44)]


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


class KeyFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[StoredKeys, ...] = ()


class KeyRing:
    """The keys of one state. `year_keys` reads the file only for a year not met before."""

    def __init__(self, path: Path, state: str) -> None:
        self._path = path
        self._state = state
        self._years: dict[int, YearKeys] = {}

    def year_keys(self, occurred_at: datetime) -> YearKeys:
        """Keys for an event of that instant; made, written and synced to disk if there are none.

        Raises Rejected if they were destroyed, Unavailable if the file can't be written.
        """
        year = (occurred_at + IST).year
        keys = self._years.get(year)
        if keys is None:
            keys = self._years[year] = self._find(year) or self._create(year)
        return keys

    def living_keys(self) -> list[YearKeys]:
        """The keys of every year that has some, to search by."""
        stored_keys = [stored for stored in self._read().keys if stored.state == self._state]
        return [_open(stored) for stored in stored_keys if stored.destroyed_at is None]

    def check(self) -> None:
        """Raises Corrupt if the file is there and is not a key file that only we can read."""
        self._read()

    def _find(self, year: int) -> YearKeys | None:
        for stored in self._read().keys:
            if (stored.state, stored.year) == (self._state, year):
                return _open(stored)
        return None

    def _create(self, year: int) -> YearKeys:
        try:
            with self._locked():
                # another process may have been first
                if keys := self._find(year):
                    return keys
                stored = _generate(self._state, year)
                self._write(KeyFile(keys=(*self._read().keys, stored)))
                return _open(stored)
        except OSError as error:
            raise Unavailable(
                f"the key file {self._path} cannot be written: {error.strerror}", 30
            ) from error

    def _read(self) -> KeyFile:
        try:
            if self._path.stat().st_mode & 0o007:
                raise Corrupt(f"other users can read the key file {self._path}: chmod 600 it")
            return KeyFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return KeyFile()
        except OSError as error:
            raise Unavailable(
                f"the key file {self._path} cannot be read: {error.strerror}", 30
            ) from error
        except ValidationError:
            # its text would show the keys
            raise Corrupt(f"{self._path} is not a key file of Dawalog") from None

    def _write(self, content: KeyFile) -> None:
        """Replaces the file in one step; keys in use must survive a power cut."""
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.model_dump_json(indent=2, exclude_none=True).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        _sync_folder(self._path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(
            self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _generate(state: str, year: int) -> StoredKeys:
    return StoredKeys(
        # the random part tells a lost and remade key from the first
        key_id=f"{state}-{year}-{secrets.token_hex(4)}",
        state=state,
        year=year,
        created_at=datetime.now(UTC),
        pseudonym_key=b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        seal_key=b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
    )


def _open(stored: StoredKeys) -> YearKeys:
    if stored.pseudonym_key is None or stored.seal_key is None:
        raise Rejected(
            "keys-destroyed",
            f"The privacy keys of {stored.year} were destroyed: an event of that year can be "
            "posted only without patient, prescription_ref, prescriber and note.",
        )
    return YearKeys(stored.key_id, b64decode(stored.pseudonym_key), b64decode(stored.seal_key))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
