"""Events of a device are missing: a written timeline, and that an offline device is no breach.

Broken on purpose once, to see these tests fail: the rule without its hours of patience.
"""

from itertools import permutations
from typing import Any

import pytest

from tests.integration.alerts.timeline import FACILITY, Timeline, dispensed, facility, lines_of

RULE = "device_gap"


def numbered(seq: int, *, device: str = "tablet-1", **told: Any) -> dict[str, Any]:
    return dispensed("PCM", 1) | {"device_id": device, "device_seq": seq} | told


async def test_a_gap_opens_after_a_day_and_closes_when_it_is_filled(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(numbered(1), numbered(1, device="tablet-2"))
    await timeline.until(0, "10:00")
    await timeline.post(numbered(4), numbered(2, device="tablet-2"))
    await timeline.until(1, "09:59")
    assert lines_of(await timeline.evaluate(), RULE) == []  # 2 and 3 may be on their way
    await timeline.until(1, "10:00")
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    alert = await timeline.alert(RULE)
    assert alert["began_at"] == timeline.at(0, "10:00")
    for words in ('"missing": 2', '"devices": 1', '"first_missing": 2', '"last_missing": 3'):
        assert words in alert["evidence"]
    await timeline.post(numbered(3, occurred_at=timeline.at(0, "09:40")))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: changed"]  # since 9:40
    await timeline.post(numbered(2, occurred_at=timeline.at(0, "09:20")))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: closed"]


async def test_what_follows_on_older_events_has_no_gap(timeline: Timeline) -> None:
    await timeline.register(facility())
    await timeline.post(numbered(1))
    await timeline.until(10)
    await timeline.post(numbered(2))
    await timeline.until(11, "10:00")
    assert lines_of(await timeline.evaluate(), RULE) == []


async def test_what_never_comes_is_left_after_a_week(timeline: Timeline) -> None:
    await timeline.register(facility(closed_weekdays=[]))
    await timeline.post(numbered(1), numbered(3))
    await timeline.until(1)
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    await timeline.until(7)
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.until(7, "09:01")
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: closed"]


@pytest.mark.parametrize("order", list(permutations((1, 3, 6))))
async def test_in_any_order(timeline: Timeline, order: tuple[int, ...]) -> None:
    await timeline.register(facility())
    for seq in order:
        await timeline.post(numbered(seq, occurred_at=timeline.at(0, f"08:0{seq}")))
    await timeline.until(1)
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    alert = await timeline.alert(RULE)
    assert alert["began_at"] == timeline.at(0, "08:03")
    assert '"missing": 3' in alert["evidence"]


async def test_a_device_that_was_offline_is_no_breach(timeline: Timeline) -> None:
    """Unbroken, its times spread as patients come, sent two days later and last first."""
    await timeline.register(facility())
    await timeline.until(2)
    minutes = [number * 7 + number * number % 5 for number in range(40)]
    events = [
        numbered(number, occurred_at=timeline.at(0, f"{9 + at // 60:02}:{at % 60:02}"))
        for number, at in enumerate(minutes, 1)
    ]
    for event in reversed(events):
        await timeline.post(event)
    await timeline.until(4)
    found = await timeline.evaluate()
    assert lines_of(found, RULE) == []
    assert lines_of(found, "entered_in_a_lump") == []
