"""Parameters that several reads take."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import StringConstraints

from api.problems import bad_parameters
from stream.errors import Fault
from stream.fields import CODE_LENGTH, NAME_LENGTH, PRINTABLE, EventId, Id, Instant

EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 30, tzinfo=UTC)

Limit = Annotated[int, Query(ge=1, le=1000, description="most entries of a page")]
Cursor = Annotated[
    str | None, Query(max_length=1000, description="the next_cursor of the page before")
]
FacilityId = Annotated[Id, Path()]
ItemId = Annotated[Id, Path()]
EventIdPath = Annotated[EventId, Path()]
From = Annotated[
    Instant | None, Query(alias="from", description="occurred at or after this instant")
]
To = Annotated[Instant | None, Query(alias="to", description="occurred at or before this instant")]
AsOf = Annotated[
    Instant | None, Query(description="as it was at this instant: of what occurred until then")
]
KnownAt = Annotated[
    Instant | None,
    Query(description="as it was known at this instant: of what was recorded until then"),
]
PrintableText = Annotated[str, StringConstraints(max_length=NAME_LENGTH, pattern=PRINTABLE)]
LotOrEmpty = Annotated[str, StringConstraints(max_length=CODE_LENGTH, pattern=PRINTABLE)]


def within_range(instant: datetime | None) -> datetime | None:
    """The same for every figure, but far enough from the calendar's ends for any time zone."""
    return None if instant is None else min(max(instant, EARLIEST), LATEST)


def require_order(since: datetime | None, until: datetime | None) -> None:
    """Raises Rejected (bad-parameter) for a period that ends before it begins."""
    if since is not None and until is not None and since > until:
        raise bad_parameters([Fault("/from", "from must not be after to")])
