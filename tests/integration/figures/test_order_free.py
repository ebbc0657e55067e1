"""The figures' rows equal their definition, whatever comes when, over days and changed records."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from projections.definition_figures import list_figures
from tests.histories import START, Delivery, deliveries
from tests.integration.figures.playing import TODAY, Figures, Story, list_differences
from tests.thoroughness import examples

DAY = timedelta(days=1)
DISTRICTS = ("D-ONE", "D-TWO")


@st.composite
def reference_records(draw: st.DrawFn) -> dict[str, Any]:
    """Of the facility `{f}` and its items; {f} is set in when it is delivered."""
    hours = draw(st.integers(-30, 40)) * 24 + draw(st.integers(0, 23))
    valid_from = draw(st.none() | st.just((START + timedelta(hours=hours)).isoformat()))
    kind = draw(st.sampled_from(["facility", "facility", "item", "item", "norm", "closure"]))
    kind = draw(st.sampled_from([kind, kind, "recall"]))
    item = draw(st.sampled_from(["paracetamol-{f}", "ors-{f}"]))
    body: dict[str, Any] = {"kind": kind, "valid_from": valid_from}
    match kind:
        case "facility":
            body |= {
                "facility_id": "{f}",
                "name": "Kotra",
                "level": draw(st.sampled_from(["PHC", "CHC", "STORE"])),
                "district_id": draw(st.sampled_from(DISTRICTS)),
                "state": "Rajasthan",
                "closed_weekdays": draw(st.none() | st.just([]) | st.just(["monday", "friday"])),
            }
        case "item":
            body |= {
                "item_id": item,
                "name": "Item",
                "base_unit": "tablet",
                "levels": draw(st.none() | st.just(["PHC"]) | st.just(["PHC", "CHC", "STORE"])),
                "unit_cost_paise": draw(st.none() | st.sampled_from([0, 45])),
            }
        case "norm":
            of_facility = draw(st.booleans())
            body |= {
                "norm_id": draw(st.sampled_from(["N1-{f}", "N2-{f}"])),
                "item_id": None if of_facility and draw(st.booleans()) else item,
                "facility_id": "{f}" if of_facility else None,
                "level": None if of_facility else draw(st.none() | st.just("PHC")),
                "lead_time_days": draw(st.integers(0, 20)),
                "safety_days": draw(st.integers(0, 20)),
                "review_days": draw(st.integers(1, 30)),
                "window_days": draw(st.sampled_from([14, 30])),
                "withdrawn": draw(st.sampled_from([False, False, False, True])),
            }
        case "closure":
            first = TODAY + timedelta(days=draw(st.integers(-10, 30)))
            body |= {
                "closure_id": draw(st.sampled_from(["C1-{f}", "C2-{f}"])),
                "facility_id": "{f}",
                "first_day": first.isoformat(),
                "last_day": (first + timedelta(days=draw(st.integers(0, 20)))).isoformat(),
                "reason": "flood",
                "withdrawn": draw(st.sampled_from([False, False, True])),
            }
        case "recall":
            body |= {
                "recall_id": "R1-{f}",
                "item_id": item,
                "lot": draw(st.sampled_from(["A1", "a-1", "A2"])),
                "reason": "failed assay",
                "lifted": draw(st.sampled_from([False, False, True])),
            }
    return body


@st.composite
def stories(draw: st.DrawFn) -> Story:
    delivery: Delivery = draw(deliveries())
    stretch = draw(st.sampled_from([timedelta(hours=1), timedelta(hours=9), timedelta(days=6)]))
    short_by = draw(st.integers(0, 3))
    steps: list[tuple[str, Any]] = [
        ("events", [_stretched(event, stretch, short_by) for event in batch])
        for batch in delivery.batches()
    ]
    for records in draw(
        st.lists(st.lists(reference_records(), min_size=1, max_size=4), max_size=4)
    ):
        steps.insert(draw(st.integers(0, len(steps))), ("reference", records))
    for days in draw(st.lists(st.integers(0, 20), max_size=2)):
        steps.insert(draw(st.integers(0, len(steps))), ("day", days))
    return Story([*steps, ("day", draw(st.sampled_from([0, 1, 5, 45])))])


def _stretched(event: dict[str, Any], stretch: timedelta, short_by: int) -> dict[str, Any]:
    hours = (datetime.fromisoformat(event["occurred_at"]) - START) / timedelta(hours=1)
    moved = event | {"occurred_at": (START + hours * stretch).isoformat()}
    if event["type"] == "medicine_dispensed":
        moved["lines"] = [
            line | {"prescribed": line["quantity"] + short_by} for line in event["lines"]
        ]
    return moved


@settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories())
@pytest.mark.timeout(300)
def test_figures_equal_the_definition(figures: Figures, story: Story) -> None:
    place, rows = figures.play(story)
    if rows["facility_state"]:
        note("\n".join(str(step) for step in story.steps))
        wrong = list_differences(rows, list_figures(place))
        assert not wrong, "\n".join(wrong)
    assert figures.find_wrong_tallies() == []


def test_the_patients_of_another_day_are_not_those_of_today(figures: Figures) -> None:
    batches = [[_dispense(1, START), _dispense(2, START)], [_dispense(3, START - DAY)]]
    place, rows = figures.play(Story([("events", batch) for batch in batches]))
    ((*_, served, in_part, sent_away, _),) = rows["facility_state"].values()
    assert (served, in_part, sent_away) == (2, 0, 0)
    assert list_differences(rows, list_figures(place)) == []


def _dispense(number: int, occurred_at: datetime) -> dict[str, Any]:
    return {
        "event_id": str(UUID(int=number)),
        "type": "medicine_dispensed",
        "occurred_at": occurred_at.isoformat(),
        "channel": "opd",
        "lines": [{"item_id": "ors", "lot": "A1", "prescribed": 2, "quantity": 2}],
    }
