"""Numbers that would tell who a patient is, where free text must not hold them.

By shape alone: a check digit would let nine of ten mistyped numbers through, and would refuse one
in ten harmless ones at random. So a prescription number of exactly 10, 12 or 14 digits needs a
letter beside it (`RX202511130042`), which an integration learns with its first post.
"""

import re
from typing import Final

from stream.errors import Fault
from stream.lines import Contract

CHECKED_FIELDS: Final = ("note", "reason", "prescription_ref")

# \d takes Devanagari digits too. Letters on either side make it a number of something else.
_ALONE: Final = r"(?<![^\W_])(?:{})(?![^\W_])"
_SHAPES: Final = (
    ("an ABHA", r"\d{2}(?P<abha>[ -]?)\d{4}(?P=abha)\d{4}(?P=abha)\d{4}"),
    (
        "a mobile",
        r"(?:(?:\+|00)?[9९][1१][ -]?|[0०])?[6-9६-९]\d{2}(?:\d{2}[ -]?\d{5}|[ -]?\d{3}[ -]?\d{4})",
    ),
    ("an Aadhaar", r"\d{4}(?P<aadhaar>[ -]?)\d{4}(?P=aadhaar)\d{4}"),
)
_PATTERNS: Final = tuple((name, re.compile(_ALONE.format(shape))) for name, shape in _SHAPES)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGITS: Final = re.compile(r"\d")


def find_identity_number(text: str) -> str | None:
    """What a number in the text looks like (`an Aadhaar`, …), or None."""
    if len(_DIGITS.findall(text)) < 10:
        return None
    text = _UUID.sub(" ", text)
    return next((name for name, pattern in _PATTERNS if pattern.search(text)), None)


def find_identity_faults(event: Contract) -> list[Fault]:
    fields = event.__dict__  # pydantic takes 2 µs to say that a field isn't there
    faults = []
    for field in CHECKED_FIELDS:
        text = fields.get(field)
        if text and (name := find_identity_number(text)):
            faults.append(
                Fault(
                    f"/{field}",
                    f"{field} holds what looks like {name} number, which Dawalog must not keep: "
                    "leave it out. If it is another number, put a letter directly before it.",
                )
            )
    return faults
