"""Read-your-writes and honest age: the headers Dawalog-Min-Position and Dawalog-As-Of."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request

from api.services import services_of
from projections.reading import Snapshot
from stream.errors import Rejected
from stream.log_ends import AskedEnds
from stream.tokens import MALFORMED, PositionToken, TopicPartition

POSITION: Final = "Dawalog-Position"
MIN_POSITION: Final = "Dawalog-Min-Position"
AS_OF: Final = "Dawalog-As-Of"

MAX_TOKENS: Final = 64
MAX_WAIT_SECONDS: Final = 30

STAMP_STEP: Final = timedelta(milliseconds=1)
"""The broker's stamps are whole milliseconds: more records may come with the same one."""

_WAIT: Final = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:;.*)?', re.IGNORECASE)


async def require_position(request: Request) -> None:
    """Wait until the positions of Dawalog-Min-Position are projected, as long as Prefer allows.

    Raises Unavailable if they aren't by then, Rejected for a token that isn't ours. Its headers are
    documented by `api.openapi`.
    """
    token = min_position(request)
    if token is not None:
        seconds = preferred_wait_seconds(request)
        await services_of(request).reading.projected.wait_for(token, seconds=seconds or 0)
        request.state.min_position = token
        request.state.waited_seconds = seconds


def min_position(request: Request) -> PositionToken | None:
    """All that the request's tokens ask for, merged."""
    if MIN_POSITION not in request.headers:
        return None
    texts = [
        text.strip()
        for line in request.headers.getlist(MIN_POSITION)
        for text in line.split(",")
        if text.strip()
    ]
    if len(texts) > MAX_TOKENS:
        raise Rejected(MALFORMED, f"{MIN_POSITION} takes at most {MAX_TOKENS} positions.")
    return PositionToken.merge(map(PositionToken.parse, texts)) if texts else None


def preferred_wait_seconds(request: Request) -> int | None:
    """`wait` of the Prefer header (RFC 7240; the first one counts), None where there is none."""
    for line in request.headers.getlist("Prefer"):
        for preference in line.split(","):
            if found := _WAIT.fullmatch(preference):
                return min(int(found[1]), MAX_WAIT_SECONDS)
    return None


def as_of(
    snapshot: Snapshot, depends_on: Iterable[TopicPartition], askings: Sequence[AskedEnds]
) -> datetime | None:
    """The instant until which everything accepted is in the answer; None if that isn't known.

    A partition that reaches an end asked for (`askings`, oldest first) is current as of that
    asking; and in any case it holds all that was recorded before its newest record.
    """
    standings = {(standing.topic, standing.partition): standing for standing in snapshot.standings}
    instants = []
    for place in depends_on:
        standing = standings.get(place)
        instant = _last_reached(askings, place, 0 if standing is None else standing.next_offset)
        if standing is not None and standing.recorded_at is not None:
            before_newest = standing.recorded_at - STAMP_STEP
            instant = before_newest if instant is None else max(instant, before_newest)
        if instant is None:
            return None
        instants.append(instant)
    return min(instants, default=None)


def _last_reached(
    askings: Sequence[AskedEnds], place: TopicPartition, next_offset: int
) -> datetime | None:
    """When the end was last asked for and found no further than `next_offset`."""
    for asked in reversed(askings):
        if next_offset >= asked.next_offsets.get(place, next_offset + 1):
            return asked.asked_at
    return None
