"""Parameters that several reads take."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Path, Query, Request
from pydantic import StringConstraints

from stream.errors import Fault, Rejected
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


def refuse(request: Request, *parameters: str) -> None:
    """Refuse what this version can't answer yet: ignoring it would answer another question."""
    faults = [
        Fault(f"/{name}", "is not supported yet")
        for name in parameters
        if name in request.query_params
    ]
    if faults:
        raise Rejected("not-yet", "Dawalog can't answer this question yet.", faults)
