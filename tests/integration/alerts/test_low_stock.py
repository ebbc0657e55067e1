"""Below the norm's minimum: a written timeline."""

from tests.integration.alerts.timeline import (
    FACILITY,
    Line,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
    received,
)

RULE = "low_stock"


async def test_low_then_filled_up(timeline: Timeline) -> None:
    await timeline.register(
        facility(closed_weekdays=[]),
        item("PCM", "V"),
        {
            "kind": "norm",
            "norm_id": "N1",
            "lead_time_days": 7,
            "safety_days": 3,
            "review_days": 10,
            "window_days": 14,
        },
    )
    await timeline.post(counted(PCM=200))
    for day in range(10):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", 10))
    await timeline.until(10, "09:00")
    assert await timeline.evaluate() == []  # 100 are there, 10 a day: the minimum exactly
    await timeline.post(dispensed("PCM", 1))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY} PCM: opened"]
    assert await timeline.open_alerts() == [Line(RULE, FACILITY, "PCM", "warning")]
    assert (await timeline.alert(RULE))["began_at"] == timeline.at(10, "09:00")
    await timeline.until(10, "12:00")
    await timeline.post(dispensed("PCM", 1))
    assert await timeline.evaluate() == []  # other figures alone are no news
    await timeline.post(received("PCM", 50))
    assert await timeline.evaluate() == []  # it may be low again in a moment
    await timeline.until(10, "12:50")
    await timeline.post(dispensed("PCM", 49))
    assert await timeline.evaluate() == []
    await timeline.until(10, "13:00")
    await timeline.post(received("PCM", 50))
    assert await timeline.evaluate() == []
    await timeline.until(10, "13:59")
    assert await timeline.evaluate() == []
    await timeline.until(10, "14:00")
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: closed"]
    assert [kind for kind, _, _ in await timeline.history(RULE)] == ["opened", "closed"]
