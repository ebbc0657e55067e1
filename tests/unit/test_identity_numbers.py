"""Which numbers are refused in free text, and which are not."""

import pytest

from stream.identity_numbers import find_identity_number


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2345 6789 0123", "an Aadhaar"),
        ("234567890123", "an Aadhaar"),
        ("uid: 2345-6789-0123.", "an Aadhaar"),
        ("आधार २३४५ ६७८९ ०१२३", "an Aadhaar"),
        ("91-1234-5678-9012", "an ABHA"),
        ("ABHA 91 1234 5678 9012", "an ABHA"),
        ("91123456789012", "an ABHA"),
        ("9876543210", "a mobile"),
        ("98765 43210", "a mobile"),
        ("987-654-3210", "a mobile"),
        ("call 09876543210 now", "a mobile"),
        ("+919876543210", "a mobile"),
        ("+91-98765-43210", "a mobile"),
        ("मो. ९८७६५४३२१०", "a mobile"),
    ],
)
def test_what_looks_like_a_patient_is_found(text: str, name: str) -> None:
    assert find_identity_number(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two cartons wet",
        "RX202511130042",
        "OPD/2026/4711",
        "1234567890",
        "12345678901",
        "123456789012345",
        "counted on 2025-11-13 at 10:30",
        "challans 118, 119 and 120 of 2026-01-31",
        "550e8400-e29b-41d4-a716-446655440000",
        "lot PB2410 9 x 1000",
    ],
)
def test_other_numbers_are_let_through(text: str) -> None:
    assert find_identity_number(text) is None
