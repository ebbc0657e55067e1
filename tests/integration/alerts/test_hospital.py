"""A hospital whose parts alone post has started. 2 March 2026 is a Monday.

Broken on purpose once, to see these tests fail: each place looked at by itself.
"""

from tests.integration.alerts.timeline import (
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
)

HOSPITAL, STORE, COUNTER = "T-DH", "T-DH-STORE", "T-DH-C1"
RULE = "not_started"


async def build(timeline: Timeline) -> None:
    await timeline.register(
        facility(HOSPITAL, level="DH"),
        facility(STORE, level="STORE", parent_facility_id=HOSPITAL),
        facility(COUNTER, level="COUNTER", parent_facility_id=HOSPITAL),
        item("PCM", "V", levels=["DH"]),
    )


async def test_a_hospital_that_never_started_is_one_alert(timeline: Timeline) -> None:
    await build(timeline)
    assert await timeline.evaluate() == [f"{RULE} {HOSPITAL}: opened"]
    await timeline.until(1)
    assert await timeline.evaluate() == []


async def test_a_hospital_starts_with_the_count_of_a_part(timeline: Timeline) -> None:
    await build(timeline)
    assert lines_of(await timeline.evaluate(), RULE) == [f"{HOSPITAL}: opened"]
    await timeline.post(dispensed("PCM", 1) | {"facility_id": COUNTER})
    assert lines_of(await timeline.evaluate(), RULE) == []
    await timeline.post(counted(PCM=100) | {"facility_id": STORE})
    assert lines_of(await timeline.evaluate(), RULE) == [f"{HOSPITAL}: closed"]
