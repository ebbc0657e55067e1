"""GET /v1/facilities, /items, /districts, /recalls, /norms, …: what is registered, now.

Further pages are of the first page's moment.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.alert_parameters import RuleName
from api.answers import answer, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import Cursor, Limit, PrintableText
from api.recall_shapes import RecallsAnswer
from api.registered_shapes import (
    ChainsAnswer,
    ClosuresAnswer,
    DirectivesAnswer,
    DistrictsAnswer,
    FacilitiesAnswer,
    ItemsAnswer,
    NormsAnswer,
    ThresholdsAnswer,
)
from api.services import services_of
from api.shapes import read_answers
from projections.queries.catalogue import Kind, Registered, list_items, list_registered
from stream.fields import Id, Instant
from stream.versioned import Level

router = reading_router("reading")

LIST_CURSOR: Final[TypeAdapter[tuple[Id, Instant]]] = TypeAdapter(tuple[Id, Instant])
NOT_SHOWN: Final = frozenset(("kind", "schema_version", "recorded_by", "source"))


@router.get("/v1/facilities", responses=read_answers(FacilitiesAnswer))
async def read_facilities(
    request: Request,
    *,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    level: Annotated[Level | None, Query()] = None,
    parent: Annotated[Id | None, Query(description="a facility_id: its children only")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Facilities by id."""
    return await _list(
        request,
        "facility",
        cursor,
        limit,
        district_id=district,
        level=level,
        parent_facility_id=parent,
    )


@router.get("/v1/items", responses=read_answers(ItemsAnswer))
async def read_items(
    request: Request,
    *,
    q: Annotated[
        PrintableText, Query(description="words that id or name, in any language, must hold")
    ] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Items by id."""
    after, known_at = _place(cursor)
    found = await list_items(
        services_of(request).reading.model,
        after=after,
        words=q.split(),
        limit=limit + 1,
        known_at=known_at,
    )
    return _page(request, "item", found, limit, known_at)


@router.get("/v1/districts", responses=read_answers(DistrictsAnswer))
async def read_districts(
    request: Request,
    *,
    state: Annotated[PrintableText | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Registered districts by id; a facility may name one that isn't."""
    return await _list(request, "district", cursor, limit, state=state)


@router.get("/v1/recalls", responses=read_answers(RecallsAnswer))
async def read_recalls(
    request: Request,
    *,
    item_id: Annotated[Id | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Recalls by id, lifted ones too; `GET /v1/recalls/{recall_id}` tells where the lot is."""
    return await _list(request, "recall", cursor, limit, item_id=item_id)


@router.get("/v1/norms", responses=read_answers(NormsAnswer))
async def read_norms(
    request: Request,
    *,
    item_id: Annotated[Id | None, Query()] = None,
    level: Annotated[Level | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Norms by id, withdrawn ones too: those that name the item and the level asked for."""
    return await _list(request, "norm", cursor, limit, item_id=item_id, level=level)


@router.get("/v1/closures", responses=read_answers(ClosuresAnswer))
async def read_closures(
    request: Request,
    *,
    district: Annotated[Id | None, Query(description="a district_id")] = None,
    facility_id: Annotated[Id | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Closures by id, withdrawn ones too: those that name the district or facility asked for."""
    return await _list(
        request, "closure", cursor, limit, district_id=district, facility_id=facility_id
    )


@router.get("/v1/directives", responses=read_answers(DirectivesAnswer))
async def read_directives(
    request: Request, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Directives by id, withdrawn ones too."""
    return await _list(request, "directive", cursor, limit)


@router.get("/v1/chains", responses=read_answers(ChainsAnswer))
async def read_chains(request: Request, *, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Chains of command by id, withdrawn ones too."""
    return await _list(request, "chain", cursor, limit)


@router.get("/v1/thresholds", responses=read_answers(ThresholdsAnswer))
async def read_thresholds(
    request: Request,
    *,
    rule: Annotated[RuleName | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What parameters of rules are where, by id, withdrawn ones too."""
    return await _list(request, "threshold", cursor, limit, rule=rule)


async def _list(
    request: Request,
    kind: Kind,
    cursor: str | None,
    limit: int,
    **wanted: str | None,
) -> Response:
    after, known_at = _place(cursor)
    found = await list_registered(
        services_of(request).reading.model,
        kind,
        after=after,
        limit=limit + 1,
        known_at=known_at,
        **wanted,
    )
    return _page(request, kind, found, limit, known_at)


def _place(cursor: str | None) -> tuple[str, datetime | None]:
    """The id that the page comes after, and the moment of the first page."""
    return decode_cursor(cursor, LIST_CURSOR) if cursor else ("", None)


def _page(
    request: Request, kind: Kind, found: Registered, limit: int, known_at: datetime | None
) -> Response:
    name = "facilities" if kind == "facility" else f"{kind}s"
    records = [shown(record) for record in found.records[:limit]]
    body: dict[str, Any] = {name: records, "next_cursor": None}
    if len(found.records) > limit:
        body["next_cursor"] = encode_cursor(
            records[-1][f"{kind}_id"], known_at or found.snapshot.taken_at
        )
    return answer(request, services_of(request).reading, body, found.snapshot)


def shown(record: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in record.items() if name not in NOT_SHOWN}
    return kept | {"valid_from": in_utc(record["valid_from"])}
