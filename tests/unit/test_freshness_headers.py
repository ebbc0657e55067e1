"""Reading Dawalog-Min-Position and Prefer."""

import pytest
from fastapi import Request

from api.freshness import MAX_TOKENS, min_position, preferred_wait_seconds
from stream.errors import Rejected
from stream.tokens import PositionToken


def request(*headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw})


def token(next_offset: int) -> str:
    return PositionToken("c", {("stock-events", 1): next_offset}).encode()


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=2", 2),
        ("Wait = 10", 10),
        ('wait="3"', 3),
        ("respond-async, wait=4", 4),
        ("wait=5; foo=bar", 5),
        ("wait=31", 30),
        ("wait=0", 0),
        ("wait=1, wait=2", 1),
        ("wait=-1", None),
        ("wait=abc", None),
        ("wait", None),
        ("return=minimal", None),
    ],
)
def test_preferred_wait(prefer: str, seconds: int | None) -> None:
    assert preferred_wait_seconds(request(("Prefer", prefer))) == seconds


def test_several_prefer_headers_are_one_list() -> None:
    assert preferred_wait_seconds(request(("Prefer", "a"), ("Prefer", "wait=7"))) == 7


def test_no_headers() -> None:
    assert min_position(request()) is None
    assert min_position(request(("Dawalog-Min-Position", " , "))) is None
    assert preferred_wait_seconds(request()) is None


def test_several_tokens_merge() -> None:
    both = request(("Dawalog-Min-Position", f"{token(3)}, {token(5)}"))
    apart = request(("Dawalog-Min-Position", token(5)), ("Dawalog-Min-Position", token(3)))
    for asked in (min_position(both), min_position(apart)):
        assert asked is not None
        assert asked.offsets == {("stock-events", 1): 5}


def test_at_most_64_tokens() -> None:
    assert min_position(request(("Dawalog-Min-Position", ",".join([token(1)] * MAX_TOKENS))))
    with pytest.raises(Rejected):
        min_position(request(("Dawalog-Min-Position", ",".join([token(1)] * (MAX_TOKENS + 1)))))


def test_malformed_tokens_are_rejected() -> None:
    with pytest.raises(Rejected):
        min_position(request(("Dawalog-Min-Position", f"{token(1)},rubbish!")))
