"""`verify` asks the book for every lot: what is about few records walks through no catalogue."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from projections.reference_book import ReferenceBook, Version
from stream.codec import decode_reference, encode_reference
from stream.reference import posted_reference

DAY: Final = date(2026, 11, 20)
RECORDS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "item", "item_id": "ORS", "name": "ORS", "base_unit": "sachet"},
    {"kind": "recall", "recall_id": "R1", "item_id": "ORS", "lot": "B1", "reason": "mould"},
    {"kind": "norm", "norm_id": "N1", "lead_time_days": 15, "safety_days": 15, "review_days": 30},
    {
        "kind": "closure",
        "closure_id": "C1",
        "first_day": "2026-11-20",
        "last_day": "2026-11-20",
        "reason": "election",
    },
)


class Catalogue(dict[str, list[Version]]):
    """Records that can be looked up, and not walked through."""

    def __iter__(self) -> Iterator[str]:
        pytest.fail("walked through all items")

    def values(self) -> Any:
        return iter(self)

    def items(self) -> Any:
        return iter(self)


def version(body: dict[str, Any]) -> Version:
    sent = encode_reference(
        posted_reference.validate_python(body), recorded_by="test", source="api"
    )
    record = decode_reference(sent.key, sent.value, sent.headers)
    return Version(datetime(2026, 1, 1, tzinfo=UTC), 0, record)


def test_what_few_records_say_is_found_among_them() -> None:
    book = ReferenceBook.of(map(version, RECORDS))
    book.versions["item"] = Catalogue(book.versions["item"])
    assert book.item("ORS", DAY) is not None
    assert len(list(book.recalls_over_time("ORS"))) == 1
    assert list(book.recalls_over_time("PARA")) == []
    assert book.norm("PHC-1", "PHC", "ORS", DAY) is not None
    assert book.closed_days("PHC-1", None, DAY) == {DAY}
