"""GET /v1/facilities/{facility_id}/items/{item_id}/card: every entry, with the balance after it."""

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import (
    EARLIEST,
    LATEST,
    AsOf,
    Cursor,
    FacilityId,
    From,
    ItemId,
    KnownAt,
    Limit,
    LotOrEmpty,
    To,
    require_order,
    within_range,
)
from api.services import services_of
from api.shapes import read_answers
from api.stock_shapes import CardAnswer
from projections.queries.card import CardEntry, CardKey, find_card
from stream.fields import EventId, Instant

router = reading_router("reading")

CARD_CURSOR: Final[TypeAdapter[tuple[Instant, EventId, int, LotOrEmpty, Instant]]] = TypeAdapter(
    tuple[Instant, EventId, Annotated[int, Query(ge=0, le=32767)], LotOrEmpty, Instant]
)
FIRST: Final = CardKey(EARLIEST, "00000000-0000-0000-0000-000000000000", -1, "")


@router.get("/v1/facilities/{facility_id}/items/{item_id}/card", responses=read_answers(CardAnswer))
async def read_card(
    request: Request,
    *,
    facility_id: FacilityId,
    item_id: ItemId,
    lot: Annotated[
        LotOrEmpty | None, Query(description="one lot only; empty: the unrecorded one")
    ] = None,
    occurred_from: From = None,
    occurred_to: To = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """An item's movements (signed `quantity`) and counts, in the order that makes the balance.

    With `known_at`, as they were known then; further pages are of the first page's. `as_of` means
    the same as `to`.
    """
    require_order(occurred_from, occurred_to)
    reading = services_of(request).reading
    after, known_at = FIRST, within_range(known_at)
    if cursor:
        *_, known_at = key = decode_cursor(cursor, CARD_CURSOR)
        after = CardKey(*key[:4])
    card = await find_card(
        reading.model,
        facility_id=facility_id,
        partition=reading.log_ends.partition_of(facility_id),
        item_id=item_id,
        lot=lot,
        occurred_from=occurred_from or EARLIEST,
        occurred_to=min(occurred_to or LATEST, as_of or LATEST),
        after=after,
        known_at=known_at,
        limit=limit + 1,
    )
    if card is None:
        raise facility_not_found(facility_id)
    if not card.entries:
        await services_of(request).known.require([("item", item_id)])
    body = _page(card.entries, limit, known_at or card.snapshot.known_at)
    return answer(request, reading, body, card.snapshot, facility_id=facility_id)


def _page(entries: list[CardEntry], limit: int, known_at: Any) -> dict[str, Any]:
    last = entries[limit - 1] if len(entries) > limit else None
    return {
        "entries": [_entry(entry) for entry in entries[:limit]],
        "next_cursor": last
        and encode_cursor(
            in_utc(last.occurred_at), last.event_id, last.line_no, last.lot, known_at
        ),
    }


def _entry(entry: CardEntry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "occurred_at": in_utc(entry.occurred_at),
        "recorded_at": in_utc(entry.recorded_at),
        "event_id": entry.event_id,
        "line_no": entry.line_no,
        "type": entry.type,
        "lot": entry.lot or None,
        "counted" if entry.is_count else "quantity": entry.quantity,
        "balance": entry.balance,
        "reversed": entry.reversed,
    }
    if entry.is_count and not entry.reversed:
        told["variance"] = entry.variance
    return told
