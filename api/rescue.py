"""GET /v1/facilities/{facility_id}/items/{item_id}/rescue: who could send some, and how."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from fastapi import Request, Response

from api.answers import answer, facility_not_found
from api.known import reading_router
from api.parameters import FacilityId, ItemId
from api.rollup_shapes import RescueAnswer
from api.services import services_of
from api.shapes import read_answers
from projections.queries.rescue import Offer, find_rescue

router = reading_router("reading")


@router.get(
    "/v1/facilities/{facility_id}/items/{item_id}/rescue", responses=read_answers(RescueAnswer)
)
async def read_rescue(request: Request, facility_id: FacilityId, item_id: ItemId) -> Response:
    """Facilities with more of the item than their own maximum, of the 20 nearest that have, the
    own district's first: by what they can give, then by distance, then by expiry.

    A `draft` is the event that the giver's pharmacist posts, with an `event_id` of their own, once
    the parcel is on its way. Lots go first expiry first, each for as much as is used before it
    expires.
    """
    reading = services_of(request).reading
    partition = reading.log_ends.partition_of(facility_id)
    found = await find_rescue(
        reading.model, facility_id=facility_id, partition=partition, item_id=item_id
    )
    if found is None:
        await services_of(request).known.require([("facility", facility_id), ("item", item_id)])
        raise facility_not_found(facility_id)
    taken_at = found.snapshot.taken_at
    body: dict[str, Any] = {
        "facility_id": facility_id,
        "item_id": item_id,
        "taken_at": taken_at,
        "needed": found.need.quantity,
        "in_transit": found.in_transit,
        "donors": [_donor(offer, facility_id, item_id, taken_at) for offer in found.offers],
    }
    return answer(request, reading, body, found.snapshot, facility_id=facility_id)


def _donor(offer: Offer, facility_id: str, item_id: str, now: datetime) -> dict[str, Any]:
    donor = offer.donor
    distance = donor.distance_km
    return donor._asdict() | {
        "distance_km": None if distance is None else round(distance, 1),
        "can_give": offer.quantity,
        "left_with": donor.usable - offer.quantity,
        "soonest_expiry": offer.soonest_expiry,
        "draft": {
            "type": "transfer_dispatched",
            "facility_id": donor.facility_id,
            "to_facility_id": facility_id,
            "transfer_id": _transfer_id(donor.facility_id, facility_id, item_id, now),
            "occurred_at": now,
            "lines": [
                {"item_id": item_id, "lot": lot.lot, "quantity": lot.quantity}
                | ({"expiry": lot.expiry} if lot.expiry else {})
                for lot in offer.lots
            ],
        },
    }


def _transfer_id(donor_id: str, facility_id: str, item_id: str, now: datetime) -> str:
    """The same all day, so that a draft that is posted twice shows as one transfer sent twice."""
    named = sha256(f"{donor_id} {facility_id} {item_id}".encode()).hexdigest()[:10]
    return f"RESCUE-{now:%Y%m%d}-{named}"
