"""Events of earlier transactions that are reversed now: what figures must take back."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from projections.entries import list_items
from stream.events import StockEvent, logged_event

# One that is reversed already has been taken back.
FIND_STANDING: Final = """
SELECT facility_no, body::text
FROM unnest($1::int[], $2::uuid[]) AS reversed(facility_no, event_id)
JOIN event USING (facility_no, event_id)
WHERE reversed_at IS NULL AND type <> 'event_reversed'
"""

FIND_ITEMS: Final = """
SELECT item_id, item_no FROM unnest($1::text[]) AS named(item_id) JOIN item_number USING (item_id)
"""


class Undone(NamedTuple):
    """(facility_no, event) of each, and the number of every item that they name."""

    events: Collection[tuple[int, StockEvent]]
    item_nos: Mapping[str, int]


NOTHING_UNDONE: Final = Undone((), {})


async def find_undone(
    connection: "asyncpg.Connection[Any]", reversed_now: Collection[tuple[int, UUID]]
) -> Undone:
    """To be asked before they are marked. (facility_no, event_id) of each."""
    if not reversed_now:
        return NOTHING_UNDONE
    rows = await connection.fetch(FIND_STANDING, *zip(*reversed_now, strict=True))
    events = [(facility_no, logged_event.validate_json(body)) for facility_no, body in rows]
    items = {item_id for _, event in events for item_id in list_items(event)}
    return Undone(events, dict(await connection.fetch(FIND_ITEMS, list(items))))
