"""The rows of an hourly sales file → dispenses, exactly, and what is said of bad rows."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.imports.kinds import Draft
from infra.imports.pharmacy_sales import KIND, count_nanopacks, make_dispense
from infra.imports.recognising import recognise
from infra.imports.rows import BadRow, CsvFile
from stream.errors import Rejected
from stream.posting import parse_event, parse_reference


def drafts_of(text: bytes) -> list[Draft | BadRow]:
    return list(KIND.list_drafts(CsvFile(BytesIO(text)).rows(), "shop-1"))


def sale(**changes: str) -> dict[str, Any]:
    fields = {"hour": "2014-01-02T08:00", "atc": "M01AE", "packs": "0.67"}
    return make_dispense(facility_id="shop-1", **(fields | changes))


def test_a_row_is_a_dispense() -> None:
    (draft,) = drafts_of(b"\xef\xbb\xbfhour,atc,packs\r\n2014-01-02T08:00,M01AE,0.67\r\n")
    assert isinstance(draft, Draft)
    event = parse_event(draft.event)
    assert event.type == "medicine_dispensed"
    assert event.occurred_at.isoformat() == "2014-01-02T02:30:00+00:00"
    (line,) = event.lines
    assert (line.item_id, line.lot, line.quantity) == ("M01AE", None, 670_000_000)


def test_reference_records_are_valid() -> None:
    for record in (KIND.district, KIND.facility, *KIND.items):
        parse_reference(dict(record))


@given(st.integers(1, 9999 * 10**9))
def test_packs_are_exact(quantity: int) -> None:
    packs = f"{Decimal(quantity).scaleb(-9):f}"
    assert count_nanopacks(packs) == quantity
    assert count_nanopacks(packs.rstrip("0").rstrip(".") if "." in packs else packs) == quantity


def test_the_same_sale_has_the_same_id_wherever_it_is_imported() -> None:
    # for ever: another derivation would count an imported file twice
    assert sale()["event_id"] == "030b0165-0794-5b68-bd07-1953eeb21041"
    assert sale(packs="0.670")["event_id"] == sale()["event_id"]
    others = [sale(hour="2014-01-02T09:00"), sale(atc="R06"), sale(packs="0.68")]
    assert len({event["event_id"] for event in [sale(), *others]}) == 4


@pytest.mark.parametrize("packs", ["", "0", "0.0", "-1", "1e3", "1.0000000001", "NaN", "²", "1,5"])
def test_refuses_packs(packs: str) -> None:
    with pytest.raises(ValueError, match="packs must be"):
        sale(packs=packs)


@pytest.mark.parametrize("hour", ["", "2014-13-02T08:00", "2014-01-02", "2014-01-02T08:30"])
def test_refuses_hours(hour: str) -> None:
    with pytest.raises(ValueError, match="hour must be"):
        sale(hour=hour)


def test_names_the_line_of_each_bad_row() -> None:
    drafts = drafts_of(
        b"hour,atc,packs\n"
        b"2014-01-02T08:00,M01AE,1\n"
        b"2014-01-02T08:00,M01AE,2\n"
        b"2014-01-02T09:00,M01AE\n"
        b"\n"
        b"2014-01-02T09:00,\xff,2\n"
        b'2014-01-02T09:00,"R06"x,2\n'
        b"2014-01-02T09:00,R06,3\n"
    )
    assert [draft.line_no for draft in drafts if isinstance(draft, Draft)] == [2, 8]
    bad = {row.line_no: row.why for row in drafts if isinstance(row, BadRow)}
    assert bad.keys() == {3, 4, 6, 7}
    assert "twice" in bad[3]
    assert "2 values" in bad[4]


def test_knows_its_kind_by_the_columns() -> None:
    assert recognise(("hour", "atc", "packs"), None) is KIND
    assert recognise(("hour", "atc", "packs"), KIND.name) is KIND
    with pytest.raises(Rejected, match=r"pharmacy-sales-hourly \(columns hour,atc,packs\)"):
        recognise(("hour", "atc"), None)
    with pytest.raises(Rejected, match="no kind of file sales"):
        recognise(("hour", "atc", "packs"), "sales")


def test_bounds_a_line() -> None:
    with pytest.raises(Rejected, match="longer"):
        CsvFile(BytesIO(b"x" * 10_000_000))
