"""A count that differs from the book: written timelines.

Broken on purpose once, to see these tests fail: without `was_known`, without the sum over lots,
with `agreed_at` null.
"""

from itertools import permutations
from typing import Any

import pytest

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
    received,
    reversal,
)

RULE = "variance_unexplained"
OPENED, CLOSED = [f"{FACILITY} PCM: opened"], [f"{FACILITY} PCM: closed"]


async def begin(timeline: Timeline, **told: Any) -> None:
    """500 of PCM, in the book since the story's first day."""
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "E", **told))
    await timeline.post(counted(PCM=500))
    await timeline.until(1)


async def test_a_loss_that_nobody_explains(timeline: Timeline) -> None:
    await begin(timeline)
    [event_id] = await timeline.post(counted(PCM=400))
    await timeline.until(7, "23:59")
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.until(8)
    assert lines_of(await timeline.evaluate(), RULE) == OPENED  # 100 of 500 are 20 %
    alert = await timeline.alert(RULE)
    assert (alert["severity"], alert["began_at"]) == ("warning", timeline.at(1))
    for words in ('"book": 500', '"counted": 400', '"variance": -100', event_id):
        assert words in alert["evidence"]
    # they were broken in a flood, before the count
    lost = {"item_id": "PCM", "lot": "A1", "quantity": -100, "reason": "damaged"}
    [lost_id] = await timeline.post(
        {"type": "stock_adjusted", "lines": [lost], "occurred_at": timeline.at(0, "12:00")}
    )
    assert lines_of(await timeline.evaluate(), RULE) == CLOSED
    await timeline.post(reversal(lost_id))
    assert lines_of(await timeline.evaluate(), RULE) == OPENED
    assert [ordinal for _, ordinal, _ in await timeline.history(RULE)] == [1, 1, 1]
    await timeline.post(counted(PCM=400))  # the book goes on from what was counted: they agree
    assert lines_of(await timeline.evaluate(), RULE) == CLOSED


async def test_small_ones_and_the_first_count_are_none(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(counted(PCM=401))  # 19.8 %
    await timeline.post(received("ORS", 60), dispensed("ORS", 11))
    await timeline.until(2)
    await timeline.post(counted(ORS=0))  # 49 of 49: too few
    await timeline.until(10)
    assert lines_of(await timeline.evaluate(), RULE) == []


@pytest.mark.parametrize(("paise", "opened"), [(499, False), (500, True)])
async def test_by_value(timeline: Timeline, paise: int, opened: bool) -> None:
    await begin(timeline, unit_cost_paise=paise)
    await timeline.post(counted(PCM=400))  # 100 x 5 rupees
    await timeline.until(8)
    assert bool(lines_of(await timeline.evaluate(), RULE)) is opened


async def test_a_lot_taken_for_another_is_none(timeline: Timeline) -> None:
    await begin(timeline)
    lines = [
        {"item_id": "PCM", "lot": "A1", "counted": 100},
        {"item_id": "PCM", "lot": "B2", "counted": 400},
    ]
    await timeline.post({"type": "stock_counted", "complete": True, "lines": lines})
    await timeline.until(8)
    assert lines_of(await timeline.evaluate(), RULE) == []


async def test_again_and_again_it_is_one_since_the_first(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(counted(PCM=400))
    await timeline.until(5)
    [second] = await timeline.post(counted(PCM=300))
    await timeline.until(8)
    assert lines_of(await timeline.evaluate(), RULE) == OPENED
    alert = await timeline.alert(RULE)
    assert alert["began_at"] == timeline.at(1)
    assert '"counted": 300' in alert["evidence"]
    await timeline.post(reversal(second))
    assert lines_of(await timeline.evaluate(), RULE) == []  # the first remains
    await timeline.until(61, "08:59")
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.until(61, "09:01")
    assert lines_of(await timeline.evaluate(), RULE) == CLOSED  # so old ones are left


async def test_a_count_that_is_reversed_finds_nothing(timeline: Timeline) -> None:
    await begin(timeline)
    [receipt] = await timeline.post(received("PCM", 200))
    await timeline.post(reversal(receipt))
    await timeline.until(2)
    [count] = await timeline.post(counted(PCM=400))
    await timeline.until(9)
    assert lines_of(await timeline.evaluate(), RULE) == OPENED
    assert '"book": 500' in (await timeline.alert(RULE))["evidence"]
    await timeline.post(reversal(count))
    assert lines_of(await timeline.evaluate(), RULE) == CLOSED


STORY = (
    received("PCM", 200) | {"day": 0},
    counted(PCM=600) | {"day": 2},  # of 700
    dispensed("PCM", 100) | {"day": 1},  # but these were given out: then of 600
    counted(PCM=400) | {"day": 4},
)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
async def test_in_any_order(timeline: Timeline, order: tuple[int, ...]) -> None:
    await begin(timeline)
    await timeline.until(12)
    for number in order:
        fact = dict(STORY[number])
        fact["occurred_at"] = timeline.at(fact.pop("day"), "15:00")
        await timeline.post(fact)
    assert lines_of(await timeline.evaluate(), RULE) == OPENED
    assert (await timeline.alert(RULE))["began_at"] == timeline.at(4, "15:00")
