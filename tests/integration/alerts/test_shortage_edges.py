"""What rules of shortage must leave alone, and where exactly they begin.

Each line is here because a rule without one of its conditions passed all other tests.
"""

from typing import Any

from tests.integration.alerts.test_shortages import NORM, recall
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


def lot(item_id: str, name: str, expiry: str, quantity: int) -> dict[str, Any]:
    return {"item_id": item_id, "lot": name, "expiry": expiry, "counted": quantity}


def shelf(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"type": "stock_counted", "complete": True, "lines": list(lines)}


async def test_low_and_out_are_two_things_and_neither_is_of_what_is_on_no_list(
    timeline: Timeline,
) -> None:
    await timeline.register(
        facility(closed_weekdays=[]), item("PCM", "V"), item("ORS", "V", levels=["CHC"]), NORM
    )
    await timeline.post(counted(PCM=110, ORS=110))
    for day in range(10):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", 10), dispensed("ORS", 10))
    await timeline.until(10, "09:00")
    assert await timeline.evaluate() == [
        f"low_stock {FACILITY} PCM: opened",
        f"runs_out_soon {FACILITY} PCM: opened",
    ]
    await timeline.post(dispensed("PCM", 10))
    await timeline.evaluate()
    await timeline.until(10, "10:00")
    await timeline.evaluate()
    assert await timeline.open_alerts() == [Line("out_of_stock", FACILITY, "PCM", "critical")]


async def test_what_will_expire_is_weighed_by_what_it_is_worth(timeline: Timeline) -> None:
    """500 of each are never used; of PCM all is. Without a price it matters."""
    rule = "will_expire"
    await timeline.register(
        facility(closed_weekdays=[]),
        item("PCM", "E"),
        item("ORS", "E", unit_cost_paise=100),
        item("AMX", "E", unit_cost_paise=2000),
        item("ZNC", "E"),
        NORM,
    )
    await timeline.post(
        shelf(
            lot("PCM", "A1", "2026-03-31", 200),
            *(lot(item_id, "A1", "2026-03-31", 500) for item_id in ("ORS", "AMX", "ZNC")),
            lot("ZNC", "OLD", "2026-03-05", 70),
        )
    )
    for day in range(10):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", 10))
    await timeline.until(10, "09:00")
    await timeline.evaluate()
    assert await timeline.open_alerts(rule) == [
        Line(rule, FACILITY, "AMX", "warning"),  # 10,000 rupees
        Line(rule, FACILITY, "ORS", "info"),  # 500
        Line(rule, FACILITY, "ZNC", "info"),
    ]
    evidence = await timeline.connection.fetchval(
        "SELECT evidence::text FROM alert JOIN item_number USING (item_no)"
        " WHERE rule = $1 AND item_id = 'ZNC'",
        rule,
    )
    for words in ('"expected_waste": 500', '"first_expiry": "2026-03-31"'):
        assert words in evidence


async def test_of_an_items_lots_those_that_have_expired_and_are_there(timeline: Timeline) -> None:
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "E"))
    await timeline.post(
        shelf(
            lot("PCM", "A1", "2026-03-03", 10),
            lot("PCM", "B2", "2026-03-04", 5),
            lot("PCM", "C3", "2026-03-03", 0),
        )
    )
    await timeline.until(2, "09:00")
    assert lines_of(await timeline.evaluate(), "expired_stock") == [f"{FACILITY} PCM A1: opened"]


async def test_a_recall_is_of_its_lot_alone_until_it_is_lifted(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "E"), recall())
    await timeline.post(received("PCM", 10), received("PCM", 10, lot="B2"))
    assert lines_of(await timeline.evaluate(), "recalled_stock") == [f"{FACILITY} PCM A1: opened"]
    taken = {"item_id": "PCM", "lot": "A1", "quantity": -3, "reason": "recalled"}
    await timeline.post({"type": "stock_adjusted", "lines": [taken]})
    assert await timeline.evaluate() == []  # nobody was given any
    await timeline.until(1)
    await timeline.register(recall(lifted=True))
    assert await timeline.evaluate() == [f"recalled_stock {FACILITY} PCM A1: closed"]


async def count_then_run_out(timeline: Timeline, facilities: int, out: int) -> list[str]:
    places = [f"PHC-{number:02}" for number in range(facilities)]
    await timeline.register(*(facility(place) for place in places), item("PCM", "V"))
    for event, whose in ((counted(PCM=10), places), (dispensed("PCM", 10), places[:out])):
        await timeline.post(*(event | {"facility_id": place} for place in whose))
    return places


async def test_two_facilities_are_no_district(timeline: Timeline) -> None:
    await count_then_run_out(timeline, 3, 2)
    assert lines_of(await timeline.evaluate(), "district_shortage") == []


async def test_who_is_silent_is_no_part_of_a_districts_share(timeline: Timeline) -> None:
    """3 of 11 are less than 30 of 100, of 10 they are as many."""
    places = await count_then_run_out(timeline, 11, 3)
    assert lines_of(await timeline.evaluate(), "district_shortage") == []
    await timeline.until(5)
    sent_away = dispensed("PCM", 0, lot=None, prescribed=1)
    await timeline.post(*(sent_away | {"facility_id": place} for place in places[:10]))
    await timeline.settle()
    found = lines_of(await timeline.evaluate(), "district_shortage")
    assert found == ["district/ajmer PCM: opened"]
