"""Before the first complete count a facility has one alert, whatever is wrong with its stock."""

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    facility,
    item,
    received,
    reversal,
)

RULE = "not_started"


async def test_one_alert_until_the_first_complete_count(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "V"), item("ORS", "V"))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY}: opened"]
    await timeline.until(1)
    await timeline.register(facility(name="Pisangan"))  # it was registered before
    await timeline.post(received("PCM", 5), counted(False, PCM=0))
    assert await timeline.evaluate() == []
    [count] = await timeline.post(counted(PCM=5, ORS=5))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY}: closed"]
    await timeline.until(2)
    await timeline.post(reversal(count))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY}: opened"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "02 09:00"),
        ("closed", 1, "02 09:00"),
        ("opened", 1, "02 09:00"),
    ]


async def test_who_is_not_registered_has_none(timeline: Timeline) -> None:
    await timeline.post(received("PCM", 5))
    assert await timeline.evaluate() == []
