"""What differs between the rows that must be and the rows that are, counted and put in words."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from projections.definition_rows import Rows
from projections.tables import Table

FIRST: Final = 30
"""So many differences are told in words; all are counted."""

Row = tuple[tuple[Any, ...], tuple[Any, ...]]


@dataclass(slots=True)
class Differences:
    """A row that is missing, too much, or has other values counts once."""

    rows: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, sentence: str, rows: int = 1) -> None:
        self.rows += rows
        if len(self.first) < FIRST:
            self.first.append(sentence)

    async def compare(
        self,
        table: Table,
        *,
        expected: Rows,
        stored: AsyncIterator[Row],
    ) -> None:
        """Compare rows by key. Takes out of `expected` what is there."""
        name, key_columns, columns = table.name, table.key, table.values
        async for key, values in stored:
            wanted = expected.pop(key, None)
            if wanted is None:
                self.add(f"{_name(name, key_columns, key)}: the log gives no such row")
            elif values != wanted:
                changes = _describe(columns, values, wanted)
                self.add(f"{_name(name, key_columns, key)}: {changes}")
        for key in expected:
            self.add(f"{_name(name, key_columns, key)}: the row is missing")


def _name(table: str, columns: Sequence[str], key: tuple[Any, ...]) -> str:
    named = ", ".join(
        f"{column} {_show(value)}" for column, value in zip(columns, key, strict=True)
    )
    return f"{table} ({named})"


def _describe(columns: Sequence[str], values: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    return ", ".join(
        f"{column} is {_show(value)} and must be {_show(right)}"
        for column, value, right in zip(columns, values, wanted, strict=True)
        if value != right
    )


def _show(value: Any) -> str:
    match value:
        case None:
            return "null"
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return f"{value[:8].hex()}… ({len(value)} bytes)"
        case dict() | list():
            return "another JSON value"  # long, and sealed parts have no business in a log
        case "":
            return "''"
        case _:
            return str(value)
