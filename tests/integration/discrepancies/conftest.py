"""The book of facility F1, registered, with the item PCM."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.discrepancies.book import Book
from tests.stack import Stack

FACILITY = {"kind": "facility", "name": "One", "level": "PHC", "district_id": "D1", "state": "RJ"}


@pytest.fixture
async def book(running: Stack, tmp_path: Path) -> AsyncIterator[Book]:
    await running.reset_database()
    book = await Book.open(running.database_url, tmp_path)
    await book.register(FACILITY | {"facility_id": "F1"})
    await book.register_item()
    yield book
    await book.close()
