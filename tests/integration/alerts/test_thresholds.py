"""Parameters that a state, a district or a level has of its own: what opens and closes by them.

Broken on purpose once, to see these tests fail: `with_parameters` without its ORDER BY, and without
its condition on the district; `IN_FORCE` without `NOT withdrawn`.
"""

from itertools import permutations
from typing import Any

import pytest

from alerts.rules import RULES
from alerts.scopes import all_of_partition
from alerts.thresholds import check_threshold
from stream.errors import Rejected
from stream.reference import posted_reference
from stream.thresholds import Threshold
from tests.integration.alerts.timeline import (
    FACILITY,
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    lines_of,
)

RULE = "no_count"


def threshold(threshold_id: str = "T1", rule: str = RULE, **told: Any) -> dict[str, Any]:
    parameters = told.pop("parameters", None) or {"days": told.pop("days")}
    return {
        "kind": "threshold",
        "threshold_id": threshold_id,
        "rule": rule,
        "parameters": parameters,
    } | told


async def changes(timeline: Timeline, rule: str = RULE) -> list[str]:
    return sorted(lines_of(await timeline.evaluate(), rule))


async def begin(timeline: Timeline) -> None:
    """Counted on the story's first day, and looked at ten days later."""
    await timeline.register(facility(), facility("CHC-2", level="CHC", district_id="kota"))
    await timeline.post(counted(PCM=9), counted(PCM=9) | {"facility_id": "CHC-2"})
    await timeline.until(10)
    assert await changes(timeline) == []


async def test_an_override_opens_and_its_end_closes(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.register(threshold(days=11))
    assert await changes(timeline) == []
    await timeline.register(threshold(days=10))
    opened = ["CHC-2: opened", f"{FACILITY}: opened"]
    assert await changes(timeline) == opened
    assert (await timeline.alert(RULE))["began_at"] == timeline.at(10)
    await timeline.register(threshold(days=10, withdrawn=True))
    closed = ["CHC-2: closed", f"{FACILITY}: closed"]
    assert await changes(timeline) == closed
    await timeline.register(threshold(days=10, valid_from="2026-03-20T00:00:00+05:30"))
    assert await changes(timeline) == []
    await timeline.until(17, "23:59")
    assert await changes(timeline) == []
    await timeline.until(18, "00:01")
    assert await changes(timeline) == opened


@pytest.mark.parametrize(
    ("place", "opened"),
    [
        ({"level": "PHC"}, [FACILITY]),
        ({"level": "DH"}, []),
        ({"state": "RJ"}, ["CHC-2", FACILITY]),
        ({"state": "Bihar"}, []),
        ({"district_id": "kota"}, ["CHC-2"]),
        ({"district_id": "kota", "level": "PHC"}, []),
    ],
)
async def test_where_it_counts(
    timeline: Timeline, place: dict[str, str], opened: list[str]
) -> None:
    await begin(timeline)
    await timeline.register(threshold(days=5, **place))
    found = await changes(timeline)
    assert found == [f"{facility_id}: opened" for facility_id in opened]


SPECIFIC = (
    threshold("T6", days=10, state="RJ"),
    threshold("T5", days=99, level="PHC"),
    threshold("T4", days=11, state="RJ", level="PHC"),
    threshold("T3", days=12, district_id="ajmer"),
    threshold("T2", days=13, district_id="ajmer", level="PHC"),
    threshold("T7", days=14),
)


async def test_the_most_specific_counts(timeline: Timeline) -> None:
    await begin(timeline)
    await timeline.register(*SPECIFIC)
    ends = {"T2": 13, "T3": 12, "T4": 11, "T6": 10, "T5": 99, "T7": 14}
    for threshold_id, days in ends.items():
        [found] = await days_of(timeline, FACILITY)
        assert (threshold_id, found) == (threshold_id, days)
        [ended] = [each for each in SPECIFIC if each["threshold_id"] == threshold_id]
        await timeline.register(ended | {"withdrawn": True})
    assert await days_of(timeline, FACILITY) == [90]


async def days_of(timeline: Timeline, facility_id: str) -> list[int]:
    """What the rule's parameter is there."""
    scope, rule = all_of_partition(0), RULES[RULE]
    statement = (
        f"WITH {scope.relations_of([rule])} SELECT {rule.column('days')} AS days FROM place"
        " WHERE facility_id = $3 AND partition = $4"
    )
    rows = await timeline.connection.fetch(statement, timeline.now, [RULE], facility_id, 0)
    return [row["days"] for row in rows]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_in_any_order(timeline: Timeline, order: tuple[int, ...]) -> None:
    """Each says from when on it counts; what came last needn't be the newest."""
    records = (
        threshold(days=5, valid_from="2026-03-03T00:00:00+05:30"),
        threshold(days=20, valid_from="2026-03-10T00:00:00+05:30"),
        threshold("T0", days=6, valid_from="2026-03-04T00:00:00+05:30"),
    )
    await begin(timeline)
    for number in order:
        await timeline.register(records[number])
    assert await days_of(timeline, FACILITY) == [20]
    assert await changes(timeline) == []


async def test_each_parameter_by_itself(timeline: Timeline) -> None:
    """What the most specific record doesn't name, the next one gives."""
    rule = "unmet_demand"
    await timeline.register(facility(), item("PCM", "V"))
    await timeline.post(counted(PCM=1))
    turned_away = dispensed("PCM", 0, prescribed=5)
    await timeline.post(dispensed("PCM", 1), turned_away, turned_away)
    assert await changes(timeline, rule) == []
    await timeline.register(
        threshold("T1", rule, state="RJ", parameters={"least": 2}),
        threshold("T2", rule, district_id="ajmer", parameters={"days": 30}),
    )
    assert await changes(timeline, rule) == [f"{FACILITY} PCM: opened"]
    await timeline.until(10)
    await timeline.evaluate()
    assert [line.rule for line in await timeline.open_alerts(rule)] == [rule]
    await timeline.register(
        threshold("T2", rule, district_id="ajmer", parameters={"days": 30}, withdrawn=True)
    )
    assert await changes(timeline, rule) == [f"{FACILITY} PCM: closed"]


async def test_a_district_has_its_own(timeline: Timeline) -> None:
    rule = "district_shortage"
    places = [f"PHC-{number}" for number in range(1, 4)]
    await timeline.register(*(facility(place) for place in places), item("PCM", "V"))
    await timeline.post(*(counted(PCM=0) | {"facility_id": place} for place in places[:2]))
    await timeline.post(counted(PCM=9) | {"facility_id": places[2]})
    assert await changes(timeline, rule) == []
    own = threshold("T1", rule, district_id="kota", parameters={"facilities": 2})
    await timeline.register(own)
    assert await changes(timeline, rule) == []
    await timeline.register(own | {"district_id": "ajmer"})
    assert await changes(timeline, rule) == ["district/ajmer PCM: opened"]


@pytest.mark.parametrize(
    ("told", "pointer", "words"),
    [
        ({"rule": "no_rule"}, "/rule", "there is no rule no_rule"),
        ({"parameters": {"hours": 3}}, "/parameters/hours", "no parameter hours; it has days"),
        ({"parameters": {"days": 0}}, "/parameters/days", "from 1 to 366 days"),
        ({"parameters": {"days": 367}}, "/parameters/days", "from 1 to 366 days"),
        ({"rule": "not_started"}, "/parameters/days", "it has none"),
        (
            {"rule": "district_shortage", "level": "PHC", "parameters": {"percent": 10}},
            "/level",
            "which have no level",
        ),
    ],
)
def test_what_no_rule_could_work_with(told: dict[str, Any], pointer: str, words: str) -> None:
    record = posted_reference.validate_python(threshold(days=5) | told)
    assert isinstance(record, Threshold)
    with pytest.raises(Rejected) as error:
        check_threshold(record)
    [fault] = error.value.errors
    assert fault.pointer == pointer
    assert words in fault.detail


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_defaults_are_within_bounds(rule: Any) -> None:
    for parameter in rule.parameters.values():
        if parameter.default is not None:
            assert parameter.least <= parameter.default <= parameter.most
