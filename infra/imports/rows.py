"""Reading a CSV file row by row, whatever its size, and saying what is wrong with a row of it."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from stream.errors import Rejected

LONGEST_LINE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    line_no: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be imported, as a sentence for whoever has the file open."""

    line_no: int
    why: str


class CsvFile:
    """An open file; its header line is read. Not UTF-8: those letters make their row a bad one."""

    def __init__(self, file: BinaryIO) -> None:
        self.bytes_read = 0
        self._file = file
        self._reader = csv.reader(self._lines(), strict=True)
        try:
            header = next(self._reader, [])
        except csv.Error as error:
            raise Rejected("unknown-file", f"The first line is no CSV header: {error}.") from None
        self.columns = tuple(name.strip().lower() for name in header)

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows but empty ones, in the file's order."""
        while True:
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(self._reader.line_num, f"this is no CSV: {error}")
                continue
            if values:
                yield self._row(values)

    def _row(self, values: list[str]) -> Row | BadRow:
        line_no, expected = self._reader.line_num, len(self.columns)
        if len(values) != expected:
            return BadRow(line_no, f"it has {len(values)} values, and {expected} columns")
        return Row(line_no, dict(zip(self.columns, map(str.strip, values), strict=True)))

    def _lines(self) -> Iterator[str]:
        encoding = "utf-8-sig"  # spreadsheets put a mark before the first letter
        while line := self._file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise Rejected("unknown-file", "A line is longer than those of any known file.")
            self.bytes_read += len(line)
            yield line.decode(encoding, "replace")
            encoding = "utf-8"


def open_file(path: Path) -> BinaryIO:
    """Raises Rejected with a sentence for the person at the terminal."""
    try:
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Rejected("unreadable-file", f"{path} can't be read: {reason}") from error
