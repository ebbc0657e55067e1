"""Rules of shortage but for `out_of_stock` and `low_stock`: a written timeline each."""

from typing import Any

import pytest

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

NORM = {
    "kind": "norm",
    "norm_id": "N1",
    "lead_time_days": 7,
    "safety_days": 3,
    "review_days": 10,
    "window_days": 14,
}


async def use_daily(timeline: Timeline, days: int, quantity: int, first: int = 0) -> None:
    for day in range(first, first + days):
        await timeline.until(day, "10:00")
        await timeline.post(dispensed("PCM", quantity))


async def test_it_runs_out_before_the_next_delivery(timeline: Timeline) -> None:
    rule = "runs_out_soon"
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "V"), NORM)
    await timeline.post(counted(PCM=170))
    await use_daily(timeline, 10, 10)
    await timeline.until(10, "09:00")
    assert lines_of(await timeline.evaluate(), rule) == []  # 70 last for exactly 7 days
    await timeline.post(dispensed("PCM", 1))
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: opened"]
    assert (await timeline.alert(rule))["severity"] == "critical"
    await timeline.post(received("PCM", 1))
    assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.until(10, "10:00")
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: closed"]
    await timeline.post(dispensed("PCM", 70))
    assert lines_of(await timeline.evaluate(), rule) == []  # it is out


async def test_how_long_a_delivery_takes_is_of_the_norm_that_applies(timeline: Timeline) -> None:
    rule = "runs_out_soon"

    def norm(norm_id: str, lead: int, **told: Any) -> dict[str, Any]:
        return NORM | {"norm_id": norm_id, "lead_time_days": lead} | told

    await timeline.register(facility(closed_weekdays=[]), item("PCM", "V"), norm("N1", 14))
    await timeline.post(counted(PCM=200))
    await use_daily(timeline, 10, 10)
    await timeline.until(10, "09:00")  # 100 last for 10 days
    said = []
    for told in (
        norm("N2", 9, item_id="PCM"),
        norm("N3", 12, level="PHC"),
        norm("N3A", 9, level="PHC"),
        norm("N4", 12, level="PHC", item_id="PCM"),
        norm("N5", 9, facility_id=FACILITY),
        norm("N6", 12, facility_id=FACILITY, item_id="PCM"),
        norm("N7", 2, facility_id="PHC-2", item_id="PCM"),
        norm("N6", 12, facility_id=FACILITY, item_id="PCM", withdrawn=True),
        {"kind": "threshold", "threshold_id": "T1", "rule": rule, "parameters": {"lead_days": 11}},
    ):
        said.append(
            [one.evidence["lead_days"] for one in await timeline.find() if one.rule == rule]
        )
        await timeline.register(told)
    assert said == [[14], [], [12], [], [12], [], [12], [12], []]
    [found] = [one for one in await timeline.find() if one.rule == rule]
    assert found.evidence["lead_days"] == 11
    await timeline.post(dispensed("PCM", 100))
    assert [one for one in await timeline.find() if one.rule == rule] == []  # it is out


async def test_patients_go_without(timeline: Timeline) -> None:
    rule = "unmet_demand"
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "E"))
    await timeline.post(counted(PCM=10))
    sent_away = dispensed("PCM", 0, lot=None, prescribed=10)
    await timeline.post(sent_away, sent_away, sent_away, sent_away, sent_away)
    assert await timeline.evaluate() == []  # it is there
    await timeline.until(3)
    await timeline.post(dispensed("PCM", 10))
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: opened"]
    assert (await timeline.alert(rule))["began_at"] == timeline.at(0, "00:00")
    await timeline.until(6, "23:59")
    await timeline.post(dispensed("PCM", 0, lot=None, prescribed=10))
    assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.until(7, "00:01")  # midnight in India: the five of the first day no longer count
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: closed"]


async def test_it_will_expire(timeline: Timeline) -> None:
    rule = "will_expire"
    await timeline.register(
        facility(closed_weekdays=[]), item("PCM", "E", unit_cost_paise=100), NORM
    )
    count = counted(PCM=1200)
    count["lines"][0]["expiry"] = "2026-03-31"
    await timeline.post(count)
    await use_daily(timeline, 10, 10)
    await timeline.until(10, "09:00")
    # 1,100 left, 10 a day through 31 March: 20 days; 900 rupees' worth will be left
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: opened"]
    alert = await timeline.alert(rule)
    assert alert["severity"] == "info"
    assert '"expected_waste": 900' in alert["evidence"]
    sooner = {"kind": "threshold", "threshold_id": "T1", "rule": rule, "parameters": {"days": 18}}
    await timeline.register(sooner)  # it is good for 19 more
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: closed"]
    await timeline.register(sooner | {"parameters": {"days": 19}})
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: opened"]
    await timeline.post(dispensed("PCM", 600))
    assert lines_of(await timeline.evaluate(), rule) == [f"{FACILITY} PCM: closed"]


async def test_an_expired_lot(timeline: Timeline) -> None:
    rule = "expired_stock"
    await timeline.register(facility(closed_weekdays=[]), item("PCM", "E"), item("ORS", "E"))
    count = counted(PCM=10, ORS=10)
    count["lines"][0]["expiry"] = "2026-03-03"
    await timeline.post(count)
    await timeline.until(1, "23:59")
    assert await timeline.evaluate() == []  # good through its expiry day, in India
    await timeline.until(2, "00:00")
    found = await timeline.evaluate()
    assert lines_of(found, rule) == [f"{FACILITY} PCM A1: opened"]
    assert lines_of(found, "out_of_stock") == [f"{FACILITY} PCM: opened"]
    assert (await timeline.alert(rule))["began_at"] == timeline.at(2, "00:00")
    adjusted = {
        "type": "stock_adjusted",
        "lines": [{"item_id": "PCM", "lot": "A1", "quantity": -10, "reason": "expired"}],
    }
    await timeline.post(adjusted)
    assert await timeline.evaluate() == [f"{rule} {FACILITY} PCM A1: closed"]


def recall(**told: Any) -> dict[str, Any]:
    return {
        "kind": "recall",
        "recall_id": "R1",
        "item_id": "PCM",
        "lot": "a-1",
        "reason": "colour",
    } | told


async def test_a_recalled_lot(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "E"))
    await timeline.post(received("PCM", 10))
    await timeline.evaluate()
    await timeline.until(1)
    [before] = await timeline.post(dispensed("PCM", 1) | {"occurred_at": timeline.at(0, "10:00")})
    await timeline.register(recall())
    assert lines_of(await timeline.evaluate(), "recalled_stock") == [f"{FACILITY} PCM A1: opened"]
    [event] = await timeline.post(dispensed("PCM", 2))
    assert await timeline.evaluate() == [f"recalled_dispensed {FACILITY} PCM A1: opened"]
    alert = await timeline.alert("recalled_dispensed")
    assert event in alert["evidence"]
    assert before not in alert["evidence"]
    await timeline.post(reversal(event))
    assert await timeline.evaluate() == [f"recalled_dispensed {FACILITY} PCM A1: closed"]
    await timeline.post(dispensed("PCM", 9))
    assert await timeline.evaluate() == [
        f"recalled_stock {FACILITY} PCM A1: closed",
        f"recalled_dispensed {FACILITY} PCM A1: opened",
    ]
    await timeline.until(2)
    await timeline.register(recall(lifted=True))
    assert await timeline.evaluate() == [f"recalled_dispensed {FACILITY} PCM A1: closed"]


async def test_a_recalled_lot_is_found_on_time_after_the_last_dispense(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "E"), recall())
    await timeline.post(received("PCM", 2), dispensed("PCM", 2))
    assert lines_of(await timeline.evaluate(), "recalled_dispensed") == [
        f"{FACILITY} PCM A1: opened"
    ]
    await timeline.until(29)
    assert lines_of(await timeline.evaluate(), "recalled_dispensed") == []
    await timeline.until(30)
    assert lines_of(await timeline.evaluate(), "recalled_dispensed") == [
        f"{FACILITY} PCM A1: closed"
    ]


async def test_a_shortage_over_a_district(timeline: Timeline) -> None:
    rule = "district_shortage"
    places = [f"PHC-{number}" for number in range(1, 11)]
    await timeline.register(*(facility(place) for place in places), item("PCM", "V"))
    stock = counted(PCM=10)
    await timeline.post(*(stock | {"facility_id": place} for place in places))
    gone = dispensed("PCM", 10)
    await timeline.post(*(gone | {"facility_id": place} for place in places[:2]))
    assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.post(gone | {"facility_id": places[2]})
    assert lines_of(await timeline.evaluate(), rule) == ["district/ajmer PCM: opened"]
    assert await timeline.open_alerts(rule) == [Line(rule, "district/ajmer", "PCM", "critical")]
    await timeline.post(received("PCM", 5) | {"facility_id": places[0]})
    assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.until(0, "10:00")
    assert lines_of(await timeline.evaluate(), rule) == ["district/ajmer PCM: closed"]


@pytest.mark.parametrize(
    ("ved", "severity"), [("E", "critical"), (None, "critical"), ("D", "info")]
)
async def test_what_is_out_over_a_district_cannot_wait(
    timeline: Timeline, ved: str | None, severity: str
) -> None:
    rule = "district_shortage"
    places = ["PHC-1", "PHC-2", "PHC-3"]
    await timeline.register(*(facility(place) for place in places), item("PCM", ved))
    for event in (counted(PCM=10), dispensed("PCM", 10)):
        await timeline.post(*(event | {"facility_id": place} for place in places))
    await timeline.evaluate()
    assert await timeline.open_alerts(rule) == [Line(rule, "district/ajmer", "PCM", severity)]


async def test_a_surge_of_patients(timeline: Timeline) -> None:
    rule = "surge"
    await timeline.register(facility(), item("PCM", "E"))
    await timeline.post(counted(PCM=10_000))
    for day, patients in enumerate([20, 22, 18, 21, 19, 20, 0, 20, 22, 20, 45, 52]):
        await timeline.until(day, "10:00")
        await timeline.post(*(dispensed("PCM", 1) for _ in range(patients)))
        assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.until(12)
    assert lines_of(await timeline.evaluate(), rule) == ["district/ajmer: opened"]
    assert '"prescriptions": 52' in (await timeline.alert(rule))["evidence"]
    await timeline.until(14)
    assert lines_of(await timeline.evaluate(), rule) == []
    await timeline.until(15)
    assert lines_of(await timeline.evaluate(), rule) == ["district/ajmer: closed"]
