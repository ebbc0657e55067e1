"""A directive's deadline passes: a written timeline."""

from typing import Any

from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    dispensed,
    facility,
    lines_of,
    received,
    reversal,
)

RULE = "module_not_active"
COUNTER = "PHC-1-COUNTER"
DIRECTIVE: dict[str, Any] = {
    "kind": "directive",
    "directive_id": "D1",
    "title": "The module is in use",
    "requires": "module_in_use",
    "levels": ["PHC", "CHC"],
    "deadline": "2026-03-31",
}


async def begin(timeline: Timeline, **told: Any) -> None:
    await timeline.register(
        facility(),
        facility(COUNTER, level="COUNTER", parent_facility_id=FACILITY),
        DIRECTIVE | told,
    )


async def test_it_opens_at_indias_midnight_after_the_deadline(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(received("PCM", 10))
    await timeline.until(29, "23:59")  # 31 March in India
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.until(30, "00:01")
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    alert = await timeline.alert(RULE)
    assert alert["began_at"] == timeline.at(30, "00:00")
    assert alert["severity"] == "critical"
    assert '"directives": ["D1"]' in alert["evidence"]
    await timeline.until(31)
    [dispense] = await timeline.post(dispensed("PCM", 1))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: closed"]
    await timeline.until(32)
    await timeline.post(reversal(dispense))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "01 00:00"),
        ("closed", 1, "01 00:00"),
        ("opened", 1, "01 00:00"),
    ]


async def test_a_tablet_that_syncs_late_shows_that_it_never_was(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.until(31)
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    await timeline.post(
        dispensed("PCM", 1) | {"facility_id": COUNTER, "occurred_at": timeline.at(12)}
    )
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: closed"]


async def test_whom_it_binds(timeline: Timeline) -> None:
    await begin(timeline, levels=["CHC"])
    await timeline.until(31)
    assert lines_of(await timeline.evaluate(), RULE) == []
    for told in ({"district_ids": ["kota"]}, {"state": "Bihar"}, {"withdrawn": True}):
        await timeline.register(DIRECTIVE | told)
        assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.register(DIRECTIVE | {"district_ids": ["kota", "ajmer"], "state": "RJ"})
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: opened"]
    await timeline.register(DIRECTIVE | {"deadline": "2026-04-15"})
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY}: closed"]
