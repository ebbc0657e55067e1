"""A snapshot that is older than the position waited for is not answered from."""

from datetime import UTC, datetime

import pytest
from fastapi import Request

from api.answers import check_reached
from projections.reading import Snapshot, Standing
from stream.errors import Unavailable
from stream.tokens import PositionToken

NOW = datetime(2026, 3, 31, tzinfo=UTC)
SNAPSHOT = Snapshot({}, "c", NOW, [Standing("reference", 0, 5, NOW)])


def asking(**offsets: int) -> Request:
    request = Request({"type": "http", "headers": []})
    places = {(topic.replace("_", "-"), 0): offset for topic, offset in offsets.items()}
    request.state.min_position = PositionToken("c", places)
    return request


def test_reached() -> None:
    check_reached(Request({"type": "http", "headers": []}), SNAPSHOT)
    check_reached(asking(reference=5), SNAPSHOT)


def test_what_the_answer_does_not_depend_on_was_looked_at_before() -> None:
    check_reached(asking(reference=5, stock_events=9), SNAPSHOT)


def test_a_replica_that_is_behind() -> None:
    with pytest.raises(Unavailable):
        check_reached(asking(reference=6), SNAPSHOT)
