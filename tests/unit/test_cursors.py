"""Cursors: what goes in comes out, and nothing else is taken for one."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.card import CARD_CURSOR
from api.catalogue import LIST_CURSOR
from api.cursors import decode_cursor, encode_cursor
from api.day_book import DAY_BOOK_CURSOR
from stream.errors import Rejected

instants = st.datetimes(
    datetime(2010, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(instants, st.uuids().map(str), st.integers(0, 200), st.text("AB é", max_size=5), instants)
def test_round_trip(
    occurred_at: datetime, event_id: str, line_no: int, lot: str, known_at: datetime
) -> None:
    key = (occurred_at, event_id, line_no, lot, known_at)
    assert decode_cursor(encode_cursor(*key), CARD_CURSOR) == key


@pytest.mark.parametrize("text", ["", "x", "é", "e30", "W10", encode_cursor("a b", "then")])
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(Rejected) as rejected:
        decode_cursor(text, LIST_CURSOR)
    assert [fault.pointer for fault in rejected.value.errors] == ["/cursor"]


def test_another_lists_cursor() -> None:
    cursor = encode_cursor("F1", datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Rejected):
        decode_cursor(cursor, DAY_BOOK_CURSOR)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(Rejected):
        decode_cursor(text, CARD_CURSOR)
