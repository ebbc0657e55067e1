"""Position tokens: what goes in comes out, and nothing else is taken for one."""

import contextlib
from base64 import urlsafe_b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Rejected
from stream.tokens import MALFORMED, OTHER_INSTALLATION, PositionToken
from stream.topics import TOPICS

offsets = st.dictionaries(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 1000)), st.integers(0, 2**63 - 1), max_size=40
)


def encoded(value: object) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), offsets)
def test_round_trip(cluster_id: str, offsets: dict[tuple[str, int], int]) -> None:
    token = PositionToken(cluster_id, offsets)
    assert PositionToken.parse(token.encode()) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "=",
        "not a token",
        "A" * 20_000,
        encoded([]),
        encoded(None),
        encoded(["c"]),
        encoded(["c", []]),
        encoded(["c", {"stock-events": []}]),
        encoded([1, {}]),
        encoded(["c", {"no-topic": {"0": 1}}]),
        encoded(["c", {"reference": {"-1": 1}}]),
        encoded(["c", {"reference": {"٣": 1}}]),
        encoded(["c", {"reference": {"0": -1}}]),
        encoded(["c", {"reference": {"0": 2**63}}]),
        encoded(["c", {"reference": {"0": 1.5}}]),
        encoded(["c", {"reference": {"0": True}}]),
        encoded(["c", {"reference": {"0": "1"}}]),
    ],
)
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(Rejected) as rejected:
        PositionToken.parse(text)
    assert rejected.value.problem_type == MALFORMED


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(Rejected):
        PositionToken.parse(text)


def test_merging_asks_for_all() -> None:
    one = PositionToken("c", {("reference", 0): 5, ("stock-events", 1): 7})
    other = PositionToken("c", {("reference", 0): 9})
    assert PositionToken.merge([one, other]).offsets == {
        ("reference", 0): 9,
        ("stock-events", 1): 7,
    }


def test_tokens_of_two_installations_do_not_merge() -> None:
    with pytest.raises(Rejected) as rejected:
        PositionToken.merge([PositionToken("c", {}), PositionToken("d", {})])
    assert rejected.value.problem_type == OTHER_INSTALLATION


def test_reached() -> None:
    token = PositionToken("c", {("reference", 0): 5})
    assert token.reached_by({("reference", 0): 5})
    assert not token.reached_by({("reference", 0): 4})
    assert not token.reached_by({})


def test_the_earliest_is_behind_each() -> None:
    tokens = [
        PositionToken("c", {("stock-events", 0): 3, ("stock-events", 1): 5, ("reference", 0): 1}),
        PositionToken("c", {("stock-events", 0): 4, ("stock-events", 1): 2}),
    ]
    earliest = PositionToken.earliest(tokens)
    assert earliest.offsets == {("stock-events", 0): 3, ("stock-events", 1): 2}
    assert all(earliest.reached_by(token.offsets) for token in tokens)
