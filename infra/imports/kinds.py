"""What an adapter says of its kind of file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.imports.rows import BadRow, Row


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to post, and the line that it comes from."""

    line_no: int
    event: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`list_drafts(rows, facility_id)` must give the same row the same event_id each time.

    `district`, `facility` and `items` are reference records that are registered where missing;
    the first two only when no facility is named.
    """

    name: str
    columns: tuple[str, ...]
    list_drafts: Callable[[Iterable[Row | BadRow], str], Iterator[Draft | BadRow]]
    district: Mapping[str, Any]
    facility: Mapping[str, Any]
    items: tuple[Mapping[str, Any], ...]

    @property
    def facility_id(self) -> str:
        return str(self.facility["facility_id"])
