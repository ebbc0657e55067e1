"""A facility compared in slices is told the same rows as one compared at once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projections.arrivals import Arrival, decode_arrival
from projections.definition import Ledger, fold
from projections.definition_figures import list_figures
from projections.definition_places import Place
from projections.definition_rows import Rows, as_recorded, list_rows
from projections.differences import Differences, Row
from projections.figures_check import FiguresCheck
from projections.positions import Position
from projections.sliced_check import SlicedCheck
from projections.tables import Table
from stream.batches import LogRecord
from stream.topics import STOCK_EVENTS
from tests.histories import EVENT_IDS, START
from tests.integration.figures.playing import Figures, Story
from tests.integration.figures.test_order_free import stories
from tests.thoroughness import examples

LINE = {"item_id": "ors", "lot": "A1"}
EVENTS: list[dict[str, Any]] = [
    {"type": "stock_received", "lines": [LINE | {"quantity": 8}]},
    {"type": "event_reversed", "reverses": EVENT_IDS[0], "reason": "slip"},
    {"type": "event_reversed", "reverses": EVENT_IDS[0], "reason": "slip"},
    {"type": "medicine_dispensed", "channel": "opd", "lines": [LINE | {"quantity": 3}]},
    {"type": "medicine_dispensed", "channel": "opd", "lines": [LINE | {"quantity": 0}]},
    {"type": "stock_counted", "complete": True, "lines": [LINE | {"counted": 3}]},
    {
        "type": "stock_counted",
        "complete": True,
        "lines": [{"item_id": "paracetamol", "lot": "A1", "counted": 5}],
    },
]
ACROSS: Story = Story(
    [
        *(
            (
                "events",
                [
                    event
                    | {
                        "event_id": event_id,
                        "occurred_at": (START + timedelta(hours=number)).isoformat(),
                    }
                ],
            )
            for number, (event_id, event) in enumerate(zip(EVENT_IDS, EVENTS, strict=False))
        ),
        ("day", 5),
    ]
)
"""Each of what a facility has as a whole comes from two slices, and the first one counts."""


class Noted(Differences):
    """Notes what rows must be there, beside comparing them."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[str, Rows] = {}

    async def compare(
        self,
        table: Table,
        *,
        expected: Rows,
        stored: AsyncIterator[Row],
    ) -> None:
        noted = self.expected.setdefault(table.name, {})
        assert not noted.keys() & expected.keys()
        noted |= expected
        await super().compare(table, expected=expected, stored=stored)


def list_arrivals(records: Sequence[LogRecord]) -> list[Arrival]:
    position = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
    arrivals = [decode_arrival(record) for record in records]
    for arrival in arrivals:
        arrival.recorded_at = position.advance(arrival.record)
    return arrivals


def expect(place: Place, records: Sequence[LogRecord], aside: set[int]) -> tuple[Any, list[int]]:
    """The rows by the definition at once, and the offsets of conflicts."""
    ledger = fold(
        as_recorded(arrival, set_aside=arrival.record.offset in aside)
        for arrival in list_arrivals(records)
    )
    at_once = Place(place.facility_id, place.partition, place.evaluated_on, ledger, place.book)
    rows = list_rows(ledger) | list_figures(at_once)
    return rows, sorted(record.log_offset for record in ledger.conflicts)


async def compare_in_slices(
    figures: Figures, place: Place, slices: int, aside: set[int]
) -> tuple[Noted, list[int], int]:
    differences, events = Noted(), 0

    def count(ledger: Ledger) -> None:
        nonlocal events
        events += len(ledger.events)

    connection = figures.connection
    async with connection.transaction():
        number = await connection.fetchval(
            "SELECT facility_no FROM facility_number WHERE facility_id = $1", place.facility_id
        )
        with closing(
            SlicedCheck(
                (STOCK_EVENTS, 0),
                slices,
                connection=connection,
                differences=differences,
                figures=FiguresCheck(connection, 0, differences, place.book),
                facility_nos=[number],
                set_aside=aside.__contains__,
            )
        ) as check:
            for arrival in list_arrivals(figures.events):
                check.add(arrival)
            letters = await check.compare(count)
    return differences, sorted(letter.record.offset for letter in letters), events


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories(), slices=st.integers(2, 5), places=st.sets(st.integers(0, 13), max_size=2))
@example(story=ACROSS, slices=2, places=set())
@example(story=ACROSS, slices=5, places={0, 1})
@pytest.mark.timeout(300)
def test_slices_give_what_the_whole_gives(
    figures: Figures, story: Story, slices: int, places: set[int]
) -> None:
    place, rows = figures.play(story)
    if not rows["facility_state"]:
        return
    aside = {record.offset for at, record in enumerate(figures.events) if at in places}
    for set_aside in (set(), aside):
        expected, conflicts = expect(place, figures.events, set_aside)
        noted, letters, events = figures.runner.run(
            compare_in_slices(figures, place, slices, set_aside)
        )
        assert noted.expected == expected
        assert letters == conflicts
        assert events == len(expected["event"])
        assert set_aside or noted.first == []
