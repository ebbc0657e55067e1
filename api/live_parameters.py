"""Of which stock live push and pull tell."""

from typing import Annotated, Final

from fastapi import Query

from projections.queries.changes import Filters
from stream.fields import Id

MOST_IDS: Final = 1_000

Ids = Annotated[list[Id] | None, Query(max_length=MOST_IDS, description="may be repeated")]


def filters(facility_id: Ids = None, district: Ids = None, item_id: Ids = None) -> Filters:
    """All filters must hold, each by any of its ids."""
    return Filters(_set(facility_id), _set(district), _set(item_id))


def _set(ids: list[str] | None) -> frozenset[str] | None:
    return None if ids is None else frozenset(ids)
