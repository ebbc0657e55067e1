"""What a read names must be there: an empty answer to a slip would say that all is well."""

import re
from typing import Final

from fastapi import APIRouter, Depends, Request

from api.freshness import require_position
from api.read_route import ReadRoute
from api.services import services_of
from stream.fields import ID_PATTERN

_ID: Final = re.compile(ID_PATTERN)
_NAMED_BY: Final = {
    "facility_id": "facility",
    "parent": "facility",
    "district": "district",
    "item_id": "item",
}


async def require_known(request: Request) -> None:
    """Of the filters: each route looks for what its address names. Where one is no id, the route
    says so. Live push and pull go without: they are asked for what comes later, too.
    """
    asked = [
        (_NAMED_BY[name], value)
        for name, value in request.query_params.multi_items()
        if name in _NAMED_BY and _ID.fullmatch(value)
    ]
    if asked:
        await services_of(request).known.require(asked)


def reading_router(tag: str) -> APIRouter:
    """Of routes that read. What they depend on is in this order: what a read waited for is known
    then.
    """
    before = [Depends(require_position), Depends(require_known)]
    return APIRouter(tags=[tag], route_class=ReadRoute, dependencies=before)
