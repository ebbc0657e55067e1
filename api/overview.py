"""GET /v1/overview: facilities with their items in stock and out, the newest events, the pace."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.overview_shapes import OverviewAnswer
from api.parameters import Cursor, Limit
from api.services import services_of
from api.shapes import read_answers
from projections.queries.overview import FacilityGlance, NewEvent, Overview, find_overview
from stream.errors import Fault, Rejected
from stream.fields import Id, Instant

router = reading_router("reading")

Order = Literal["id", "out", "silent"]

MOST_SORTED: Final = 1_000
"""Sorting by what changes takes a look at all facilities, not at a page of them."""

OVERVIEW_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])


@router.get("/v1/overview", responses=read_answers(OverviewAnswer))
async def read_overview(
    request: Request,
    *,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    sort: Annotated[
        Order,
        Query(
            description="id; out: most items out first, those never heard of last; "
            "silent: longest not heard of first"
        ),
    ] = "id",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Facilities at a glance, with the newest events and events a second, of the state or of the
    district asked for.

    Sorted by anything but `id`, it is a list of the first `limit` without further pages, over at
    most 1,000 facilities: choose a district where there are more.
    """
    if sort != "id" and cursor:
        fault = Fault("/cursor", "only the order by id has further pages")
        raise Rejected("bad-parameter", "This cursor is none that this list gave out.", [fault])
    overview = await find_overview(
        services_of(request).reading.model,
        after=decode_cursor(cursor, OVERVIEW_CURSOR)[0] if cursor else "",
        district_id=district,
        limit=limit + 1 if sort == "id" else MOST_SORTED + 1,
    )
    body = _body(overview, sort, limit)
    return answer(request, services_of(request).reading, body, overview.snapshot, whole_state=True)


def _body(overview: Overview, sort: Order, limit: int) -> dict[str, Any]:
    taken_at = overview.snapshot.taken_at
    facilities = [_facility(facility) for facility in overview.facilities]
    more = sort == "id" and len(facilities) > limit
    facilities = _sorted(facilities, sort)[:limit]
    return {
        "taken_at": taken_at,
        "facility_count": overview.facility_count,
        "facilities": facilities,
        "events_per_second": round(overview.events_per_second, 2),
        "newest_events": [_event(event) for event in overview.newest_events],
        "next_cursor": encode_cursor(facilities[-1]["facility_id"], taken_at) if more else None,
    }


def _sorted(facilities: list[dict[str, Any]], sort: Order) -> list[dict[str, Any]]:
    if sort == "id":
        return facilities
    if len(facilities) > MOST_SORTED:
        fault = Fault("/sort", f"sorts at most {MOST_SORTED:,} facilities")
        raise Rejected(
            "too-many", "There are too many facilities to sort: choose a district.", [fault]
        )
    if sort == "out":
        return sorted(
            facilities,
            key=lambda facility: (facility["last_heard_at"] is None, -facility["items_out"]),
        )
    return sorted(facilities, key=lambda facility: facility["last_heard_at"] or "")


def _facility(facility: FacilityGlance) -> dict[str, Any]:
    heard = facility.last_heard_at
    return {
        "facility_id": facility.facility_id,
        "name": facility.name,
        "level": facility.level,
        "parent_facility_id": facility.parent_facility_id,
        "district_id": facility.district_id,
        "district_name": facility.district_name,
        "items_in_stock": facility.items_in_stock,
        "items_out": facility.items - facility.items_in_stock,
        "last_heard_at": in_utc(heard) if heard else None,
    }


def _event(event: NewEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "type": event.type,
        "facility_id": event.facility_id,
        "facility_name": event.facility_name,
        "occurred_at": in_utc(event.occurred_at),
        "recorded_at": in_utc(event.recorded_at),
        "line_count": event.line_count,
        "lines": [
            {"item_id": item_id, "name": name, "quantity": quantity}
            for item_id, name, quantity in event.lines or ()
        ],
    }
