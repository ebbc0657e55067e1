"""The privacy keys of one state: one pair per IST year of `occurred_at`, never changed.

They are made when first needed; the API asks first whether a year's were lost (`api.new_keys`).
Several API processes may share the key file, and `dawalog keys` may change it while they run: each
looks whether it is still the same.
"""

import secrets
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from stream.errors import Unavailable
from stream.key_file import (
    KeyFile,
    StoredKeys,
    change_keys,
    is_over,
    ist_year,
    read_keys,
    stamp_of,
)
from stream.privacy import YearKeys

KEY_BYTES: Final = 32


class KeyRing:
    """`year_keys` reads the file only for a year not met before, and when it was changed.

    Args:
        makes: whether it makes the keys that there aren't by itself.
    """

    def __init__(self, path: Path, state: str, *, makes: bool = True) -> None:
        self._path = path
        self.state = state
        self._makes = makes
        self._years: dict[int, YearKeys | None] = {}
        self._stamp: tuple[int, int, int] | None = None

    def year_keys(self, occurred_at: datetime) -> YearKeys | None:
        """Keys for an event of that instant; made, written and synced to disk if there are none.

        None where they were destroyed, or would be by now: nobody can keep anything private of
        that year any more. Raises Unavailable if the file can't be written or is gone, and for
        keys that there aren't and that aren't ours to make.
        """
        year = ist_year(occurred_at)
        if self.lacks(year):
            if not self._makes:
                raise self.missing(year)
            self._years[year] = open_keys(self.create(year))
        return self._years[year]

    def lacks(self, year: int) -> bool:
        """Whether there never were keys of a year that must have some."""
        self._forget_if_changed()
        if year not in self._years:
            stored = read_keys(self._path).find(self.state, year)
            if stored is None and not is_over(year, datetime.now(UTC)):
                return True
            self._years[year] = None if stored is None else open_keys(stored)
        return False

    def missing(self, year: int) -> Unavailable:
        return Unavailable(
            f"the key file {self._path} has no keys of {self.state} for {year}, and there were "
            f"some: restore it; if it is lost, `dawalog keys create --year {year}` makes others",
            30,
        )

    def create(self, year: int) -> StoredKeys:
        """Make a year's keys, if there never were any; returns what there is."""

        def add(file: KeyFile) -> KeyFile:
            # another process may have been first
            return file if file.find(self.state, year) else file.with_keys(self._generate(year))

        stored = change_keys(self._path, add).find(self.state, year)
        assert stored is not None
        return stored

    def living_keys(self) -> list[YearKeys]:
        """The keys of every year that has some, to search by."""
        stored = [one for one in read_keys(self._path).keys if one.state == self.state]
        return [keys for one in stored if (keys := open_keys(one)) is not None]

    def check(self) -> None:
        """Raises Corrupt if the file is there and is not a key file that only we can read."""
        read_keys(self._path)

    def _forget_if_changed(self) -> None:
        stamp = stamp_of(self._path)
        if stamp == self._stamp:
            return
        if stamp is None:
            # With new keys, one patient would become two.
            raise Unavailable(f"the key file {self._path} is gone: restore it", 30)
        self._years.clear()
        self._stamp = stamp

    def _generate(self, year: int) -> StoredKeys:
        return StoredKeys(
            # the random part tells a lost and remade key from the first
            key_id=f"{self.state}-{year}-{secrets.token_hex(4)}",
            state=self.state,
            year=year,
            created_at=datetime.now(UTC),
            pseudonym_key=b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
            seal_key=b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        )


def open_keys(stored: StoredKeys) -> YearKeys | None:
    """None where they were destroyed."""
    if stored.pseudonym_key is None or stored.seal_key is None:
        return None
    return YearKeys(stored.key_id, b64decode(stored.pseudonym_key), b64decode(stored.seal_key))
