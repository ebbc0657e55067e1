"""GET /v1/reporting and /v1/facilities/{facility_id}/reporting: how far figures can be of today."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import Cursor, FacilityId, Limit
from api.services import services_of
from api.shapes import Page, Shape, read_answers
from projections.queries.reporting import (
    FacilityReporting,
    Reports,
    find_reporting,
    list_reporting,
)
from projections.reporting import Reporting, Rule
from stream.fields import Id, Instant
from stream.versioned import Level

router = reading_router("reading")

LOOKED_AT: Final = 500
"""Facilities that a page looks at where it shows some of them only: a district has some 400."""

REPORTING_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])


class DelayShape(Shape):
    """None where nothing was recorded in the last 7 days."""

    median: float | None
    p95: float | None


class ReportingShape(Shape):
    facility_id: str
    name: str | None
    level: str | None
    district_id: str | None
    reporting: Reporting
    rule: Rule
    """What made it so."""
    closed_today: bool
    last_heard_at: datetime | None
    delay_seconds: DelayShape
    open_gaps: int


class FacilityReportingAnswer(ReportingShape):
    taken_at: datetime


class ReportingAnswer(Page):
    taken_at: datetime
    facilities: list[ReportingShape]


@router.get(
    "/v1/facilities/{facility_id}/reporting", responses=read_answers(FacilityReportingAnswer)
)
async def read_facility_reporting(request: Request, *, facility_id: FacilityId) -> Response:
    """Whether a facility reports, when it was last heard of, and how late its events come. With
    what is part of it: a hospital is alive by any of its counters.

    Delays are from occurred to recorded, of the events recorded in the last 7 days; gaps those in
    the numbers of its devices (`device_seq`), among the events that occurred in them.
    """
    reading = services_of(request).reading
    found = await find_reporting(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
    )
    if found is None:
        raise facility_not_found(facility_id)
    snapshot, facility = found
    body = _told(facility) | {"taken_at": snapshot.taken_at}
    return answer(request, reading, body, snapshot, facility_id=facility_id)


@router.get("/v1/reporting", responses=read_answers(ReportingAnswer))
async def read_reporting(
    request: Request,
    *,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    parent: Annotated[Id | None, Query(description="parts of this facility_id")] = None,
    reporting: Annotated[Reporting | None, Query(description="those alone")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Registered facilities by id: whether they report, when last, how late. A hospital is one,
    with its store and its counters; they are listed with `parent`, each by itself.

    With `reporting`, a page looks at 500 facilities: it may hold fewer than `limit`, or none, and
    yet have a `next_cursor`. A district fits into one page.
    """
    reading = services_of(request).reading
    looked_at = limit if reporting is None else LOOKED_AT
    reports = await list_reporting(
        reading.model,
        after=decode_cursor(cursor, REPORTING_CURSOR)[0] if cursor else "",
        district_id=district,
        level=level,
        parent_id=parent,
        limit=looked_at + 1,
    )
    body = _page(reports, reporting, looked_at, limit)
    return answer(request, reading, body, reports.snapshot, whole_state=True)


def _page(
    reports: Reports, reporting: Reporting | None, looked_at: int, limit: int
) -> dict[str, Any]:
    seen = reports.facilities[:looked_at]
    wanted = [one for one in seen if reporting is None or one.verdict.reporting == reporting]
    page = wanted[:limit]
    last = None
    if len(wanted) > limit:
        last = page[-1].facility_id
    elif len(reports.facilities) > looked_at:
        last = seen[-1].facility_id
    taken_at = reports.snapshot.taken_at
    return {
        "taken_at": taken_at,
        "facilities": [_told(one) for one in page],
        "next_cursor": last and encode_cursor(last, taken_at),
    }


def _told(facility: FacilityReporting) -> dict[str, Any]:
    verdict, heard_at = facility.verdict, facility.last_heard_at
    return {
        "facility_id": facility.facility_id,
        "name": facility.name,
        "level": facility.level,
        "district_id": facility.district_id,
        "reporting": verdict.reporting,
        "rule": verdict.rule,
        "closed_today": verdict.closed_today,
        "last_heard_at": heard_at and in_utc(heard_at),
        "delay_seconds": {
            "median": _rounded(facility.heard.median_delay_seconds),
            "p95": _rounded(facility.p95_delay_seconds),
        },
        "open_gaps": facility.heard.open_gaps,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
