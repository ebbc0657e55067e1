"""Each kind of discrepancy, and each warning, is explained to those who meet it."""

from pathlib import Path

import pytest

from projections.discrepancies.listing import KINDS
from projections.discrepancies.warnings import WARNINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "discrepancies.md"


@pytest.mark.parametrize("name", [*KINDS, *WARNINGS])
def test_the_document_names_it(name: str) -> None:
    assert f"`{name}`" in DOCUMENT.read_text()


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.looks_back])
def test_the_document_says_what_is_only_looked_back_for(name: str) -> None:
    assert f"| `{name}` ¹ |" in DOCUMENT.read_text()


def test_nothing_else_is_said_to_be() -> None:
    assert DOCUMENT.read_text().count("` ¹ |") == sum(kind.looks_back for kind in KINDS.values())
