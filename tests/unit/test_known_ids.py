"""What the directory has in memory is known without a question to Postgres."""

from datetime import UTC, datetime

import pytest

from api.directory import Directory
from api.known_ids import KnownIds
from projections.queries.facilities import FacilityRecord
from projections.reading import ReadModel
from projections.settings import ReadingSettings
from stream.errors import Unavailable

NEVER_STARTED = ReadModel(ReadingSettings())
"""Whoever asks it raises Unavailable."""


@pytest.fixture
def known() -> KnownIds:
    directory = Directory(NEVER_STARTED)
    directory.add(FacilityRecord("PHC-1", datetime(2026, 1, 1, tzinfo=UTC), 0, "JAIPUR", None))
    return KnownIds(NEVER_STARTED, directory)


async def test_registered_facilities_and_their_districts_are_not_asked_for(
    known: KnownIds,
) -> None:
    await known.require([("facility", "PHC-1"), ("district", "JAIPUR")])


@pytest.mark.parametrize("asked", [("facility", "PHC-2"), ("district", "AJMER"), ("item", "PHC-1")])
async def test_all_else_is(known: KnownIds, asked: tuple[str, str]) -> None:
    with pytest.raises(Unavailable):
        await known.require([asked])
