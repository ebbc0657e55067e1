"""Writing answers of reads: JSON with the headers that say how fresh it is."""

from typing import Any, Final

import orjson
from fastapi import Request, Response

from api.freshness import AS_OF, POSITION, as_of
from api.reading import Reading
from projections.reading import Snapshot
from stream.errors import Rejected, Unavailable
from stream.tokens import PositionToken, TopicPartition
from stream.topics import REFERENCE, STOCK_EVENTS

REFERENCE_PLACE: Final[TopicPartition] = (REFERENCE, 0)


def answer(
    request: Request,
    reading: Reading,
    body: dict[str, Any],
    snapshot: Snapshot,
    *,
    facility_id: str | None = None,
    whole_state: bool = False,
) -> Response:
    """What `fresh_headers` takes, and the body beside them."""
    return Response(
        orjson.dumps(body, option=orjson.OPT_UTC_Z),
        media_type="application/json",
        headers=fresh_headers(
            request, reading, snapshot, facility_id=facility_id, whole_state=whole_state
        ),
    )


def fresh_headers(
    request: Request,
    reading: Reading,
    snapshot: Snapshot,
    *,
    facility_id: str | None = None,
    whole_state: bool = False,
) -> dict[str, str]:
    """`facility_id` is whose partition the answer depends on beside the reference records;
    `whole_state` says that it depends on all partitions. Raises Unavailable for a snapshot that is
    older than asked for.
    """
    check_reached(request, snapshot)
    headers = {POSITION: snapshot.token.encode()}
    places = _all_places(reading) if whole_state else _places(reading, facility_id)
    instant = as_of(snapshot, places, reading.log_ends.askings)
    if instant is not None:
        headers[AS_OF] = in_utc(instant.isoformat())
    waited = getattr(request.state, "waited_seconds", None)
    if waited is not None:
        headers["Preference-Applied"] = f"wait={waited}"
    return headers


def facility_not_found(facility_id: str) -> Rejected:
    return Rejected("not-found", f"No facility with the id {facility_id} is registered.")


def in_utc(instant: str) -> str:
    """An instant as Postgres writes it in JSON (`…+00:00`) as the log writes it (`…Z`)."""
    return instant.removesuffix("+00:00") + "Z"


def _places(reading: Reading, facility_id: str | None) -> list[TopicPartition]:
    """What an answer depends on; nothing where that isn't known yet."""
    if facility_id is None:
        return [REFERENCE_PLACE]
    partition = reading.log_ends.partition_of(facility_id)
    return [] if partition is None else [REFERENCE_PLACE, (STOCK_EVENTS, partition)]


def _all_places(reading: Reading) -> list[TopicPartition]:
    partitions = reading.log_ends.partitions.get(STOCK_EVENTS, 0)
    places = [(STOCK_EVENTS, partition) for partition in range(partitions)]
    return [REFERENCE_PLACE, *places] if places else []


def check_reached(request: Request, snapshot: Snapshot) -> None:
    """The wait looked at the positions before this snapshot; a replica may be behind it."""
    token: PositionToken | None = getattr(request.state, "min_position", None)
    if token is None:
        return
    held = snapshot.next_offsets
    asked = {place: at for place, at in token.offsets.items() if place in held}
    if not PositionToken(token.cluster_id, asked).reached_by(held):
        raise Unavailable("The stock figures are older than asked for. Please try again.")
