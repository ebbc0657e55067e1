"""GET /v1/transfers: what facilities sent to each other, and what became of it."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.answers import answer, facility_not_found, in_utc
from api.cursors import decode_cursor, encode_cursor
from api.known import reading_router
from api.parameters import AsOf, Cursor, KnownAt, Limit, within_range
from api.services import services_of
from api.shapes import read_answers
from api.transfer_shapes import TransfersAnswer
from projections.queries.moments import Moment
from projections.queries.transfers import FIRST, SentItem, Transfer, TransferKey, list_transfers
from projections.reading import parse_instant
from projections.transfers import Sent, TransferStatus, fate_of
from stream.fields import Id, Instant

router = reading_router("reading")

TRANSFERS_CURSOR: Final[TypeAdapter[tuple[Id, Id, Id, Instant | None, Instant]]] = TypeAdapter(
    tuple[Id, Id, Id, Instant | None, Instant]
)


@router.get("/v1/transfers", responses=read_answers(TransfersAnswer))
async def read_transfers(
    request: Request,
    *,
    facility_id: Annotated[Id | None, Query(description="sent or received by it")] = None,
    district: Annotated[
        Id | None, Query(description="a district_id: sent or received there")
    ] = None,
    status: Annotated[
        TransferStatus | None, Query(description="those that have it among their statuses")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Transfers by sender, receiver and transfer_id, from what both ends posted, in any order.

    Before any receipt all is `in_transit` (in nobody's on hand), `overdue` after 7 days or as
    configured; from the first receipt on, what is missing is `short`. A receipt without dispatch
    is `unmatched`. An item's figures are those of all its lots together: where the ends typed
    different lots, the lots differ and the item agrees. Where few transfers have the status asked
    for, a page may hold fewer than `limit`, or none, and still have a `next_cursor`.
    """
    services = services_of(request)
    after, moment = FIRST, Moment(within_range(as_of), within_range(known_at))
    if cursor:
        *key, known_as_of, first_known_at = decode_cursor(cursor, TRANSFERS_CURSOR)
        after, moment = TransferKey(*key), Moment(known_as_of, first_known_at)
    overdue_after = timedelta(days=services.settings.transfer_overdue_days)
    found = await list_transfers(
        services.reading.model,
        facility_id=facility_id,
        district_id=district,
        status=status,
        overdue_after=overdue_after,
        after=after,
        moment=moment,
        limit=limit + 1,
    )
    if found is None:
        raise facility_not_found(facility_id or "")
    page = found.transfers[:limit]
    body: dict[str, Any] = {
        "transfers": [_transfer(transfer, overdue_after) for transfer in page],
        "next_cursor": None,
    }
    last = page[-1].key if len(found.transfers) > limit else found.looked_at_to
    if last:
        pinned = moment.known_at or found.snapshot.known_at
        body["next_cursor"] = encode_cursor(*last, moment.as_of, pinned)
    return answer(request, services.reading, body, found.snapshot, whole_state=True)


def _transfer(transfer: Transfer, overdue_after: timedelta) -> dict[str, Any]:
    dispatched_at, received_at = transfer.dispatched_at, transfer.received_at
    told: dict[str, Any] = {
        **transfer.key._asdict(),
        "status": transfer.statuses[0],
        "statuses": transfer.statuses,
        "dispatched_at": dispatched_at and in_utc(dispatched_at),
        "received_at": received_at and in_utc(received_at),
        "items": [_item(item, transfer) for item in transfer.items],
    }
    if dispatched_at and not received_at:
        told["overdue_at"] = parse_instant(dispatched_at) + overdue_after
    return told


def _item(item: SentItem, transfer: Transfer) -> dict[str, Any]:
    lots = [{"lot": lot, **_figures(sent, transfer)} for lot, sent in item.lots]
    return {"item_id": item.item_id, **_figures(item.sent, transfer), "lots": lots}


def _figures(sent: Sent, transfer: Transfer) -> dict[str, int]:
    fate = fate_of(
        sent,
        is_dispatched=transfer.dispatched_at is not None,
        is_received=transfer.received_at is not None,
    )
    return sent._asdict() | fate._asdict()
