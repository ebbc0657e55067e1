"""An essential item runs out: a written timeline, on the real projector."""

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
    reversal,
)

RULE = "out_of_stock"


async def begin(timeline: Timeline) -> None:
    await timeline.register(
        facility(), item("PCM", "V"), item("ORS", "E"), item("ZINC", "D"), item("GLOVE", levels=[])
    )
    await timeline.post(counted(PCM=10, ORS=20, ZINC=5, GLOVE=0))


async def test_a_stock_out_and_its_end(timeline: Timeline) -> None:
    await begin(timeline)
    assert await timeline.evaluate() == []
    await timeline.until(0, "10:00")
    await timeline.post(dispensed("PCM", 10))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
    assert await timeline.evaluate() == []
    assert await timeline.open_alerts() == [Line(RULE, FACILITY, "PCM", "critical")]
    alert = await timeline.alert(RULE)
    assert alert["began_at"] == timeline.at(0, "10:00")
    await timeline.until(0, "11:30")
    await timeline.post(received("PCM", 100))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: closed"]
    assert await timeline.open_alerts() == []
    await timeline.until(2)
    await timeline.post(dispensed("PCM", 100))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "02 10:00"),
        ("closed", 1, "02 10:00"),
        ("opened", 2, "04 09:00"),
    ]


async def test_what_comes_and_goes_is_one_alert(timeline: Timeline) -> None:
    """In and out within minutes; an hour after it was closed it is another."""
    await begin(timeline)
    stock = 10
    for clock in ("10:00", "10:01", "10:02", "10:03"):
        await timeline.until(0, clock)
        await timeline.post(dispensed("PCM", stock))
        assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
        stock = 5
        await timeline.post(received("PCM", stock) | {"occurred_at": timeline.at(0, clock)})
        assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: closed"]  # at once
    await timeline.until(0, "11:02")
    await timeline.post(dispensed("PCM", 5))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
    assert (await timeline.alert(RULE))["opened_at"] == timeline.at(0, "10:00")
    await timeline.until(0, "11:30")
    await timeline.post(received("PCM", 5))
    await timeline.evaluate()
    await timeline.until(0, "12:30")
    await timeline.post(dispensed("PCM", 5))
    await timeline.evaluate()
    opened = [
        (ordinal, at) for kind, ordinal, at in await timeline.history(RULE) if kind == "opened"
    ]
    assert opened == [
        *((1, f"02 10:0{minute}") for minute in range(4)),
        (1, "02 11:02"),
        (2, "02 12:30"),
    ]


async def test_when_it_began_decides_not_when_that_was_known(timeline: Timeline) -> None:
    """Half an hour after it was closed it was out again; a tablet tells so the next day."""
    await begin(timeline)
    await timeline.until(0, "10:00")
    await timeline.post(dispensed("PCM", 10))
    await timeline.evaluate()
    await timeline.post(received("PCM", 5))
    await timeline.evaluate()
    await timeline.until(1)
    await timeline.post(dispensed("PCM", 5) | {"occurred_at": timeline.at(0, "10:30")})
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "02 10:00"),
        ("closed", 1, "02 10:00"),
        ("opened", 1, "02 10:30"),
    ]


async def test_severity_is_by_importance(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(dispensed("PCM", 10), dispensed("ORS", 20), dispensed("ZINC", 5))
    await timeline.evaluate()
    assert await timeline.open_alerts() == [
        Line(RULE, FACILITY, "ORS", "warning"),
        Line(RULE, FACILITY, "PCM", "critical"),
        Line(RULE, FACILITY, "ZINC", "info"),
    ]
    await timeline.register(item("ORS", "V"))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} ORS: changed"]
    await timeline.register(item("ORS", "V", levels=["CHC"]))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} ORS: closed"]


async def test_a_late_fact_moves_the_start(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.until(1)
    await timeline.post(dispensed("PCM", 10))
    await timeline.evaluate()
    # a tablet that was offline: all was given out the day before
    await timeline.until(1, "12:00")
    await timeline.post(dispensed("PCM", 10) | {"occurred_at": timeline.at(0, "15:00")})
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: changed"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "03 09:00"),
        ("changed", 1, "02 15:00"),
    ]


async def test_a_late_receipt_closes_and_its_reversal_opens_the_same_again(
    timeline: Timeline,
) -> None:
    await begin(timeline)
    await timeline.until(1)
    await timeline.post(dispensed("PCM", 10))
    await timeline.evaluate()
    [receipt] = await timeline.post(received("PCM", 50) | {"occurred_at": timeline.at(0, "17:00")})
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: closed"]
    await timeline.until(2)
    await timeline.post(reversal(receipt))
    assert await timeline.evaluate() == [f"{RULE} {FACILITY} PCM: opened"]
    assert await timeline.history(RULE) == [
        ("opened", 1, "03 09:00"),
        ("closed", 1, "03 09:00"),
        ("opened", 1, "03 09:00"),
    ]


async def test_nothing_opens_before_the_first_complete_count(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "V"))
    await timeline.post(dispensed("PCM", 3))
    assert await timeline.evaluate() == [f"not_started {FACILITY}: opened"]
    await timeline.until(1)
    await timeline.post(counted(PCM=0))
    assert await timeline.evaluate() == [
        f"not_started {FACILITY}: closed",
        f"{RULE} {FACILITY} PCM: opened",
    ]


async def test_a_silent_facility_opens_nothing_and_closes_nothing(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(dispensed("PCM", 10))
    await timeline.evaluate()
    await timeline.until(10)
    # its lots of ORS are recalled while nothing is heard of it
    await timeline.register(
        {"kind": "recall", "recall_id": "R1", "item_id": "ORS", "lot": "A1", "reason": "colour"}
    )
    assert lines_of(await timeline.evaluate(), RULE) == []
    assert await timeline.open_alerts(RULE) == [Line(RULE, FACILITY, "PCM", "critical")]
    await timeline.post(dispensed("ZINC", 1))
    assert lines_of(await timeline.evaluate(), RULE) == [f"{FACILITY} ORS: opened"]


async def test_two_evaluations_at_once_open_one(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.post(dispensed("PCM", 10))
    found, again = await timeline.find(), await timeline.find()
    await timeline.tell([*found, *again])
    assert await timeline.history(RULE) == [("opened", 1, "02 09:00")]
    assert await timeline.open_alerts() == [Line(RULE, FACILITY, "PCM", "critical")]
