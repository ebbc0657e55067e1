"""Items that are new at a facility, whose rows are written from what came alone."""

from datetime import timedelta
from typing import Any

import pytest

from projections.definition_figures import list_figures
from tests.histories import START
from tests.integration.figures.playing import Figures, Story, list_differences

ITEM = "paracetamol"


def event(number: int, kind: str, hours: float, **fields: Any) -> dict[str, Any]:
    """The numbered event, so many hours after the story's start."""
    return {
        "type": kind,
        "event_id": f"00000000-0000-{number:04}-0000-000000000007",
        "occurred_at": (START + timedelta(hours=hours)).isoformat(),
        **fields,
    }


def received(number: int, hours: float, lot: str, quantity: int, expiry: str | None = None) -> Any:
    line = {"item_id": ITEM, "lot": lot, "expiry": expiry, "quantity": quantity}
    return event(number, "stock_received", hours, lines=[line])


def dispensed(number: int, hours: float, lot: str | None, quantity: int) -> Any:
    line = {"item_id": ITEM, "lot": lot, "quantity": quantity, "prescribed": quantity + 1}
    return event(number, "medicine_dispensed", hours, channel="opd", lines=[line])


def counted(number: int, hours: float, lot: str | None, quantity: int, **fields: Any) -> Any:
    line = {"item_id": ITEM, "lot": lot, "counted": quantity}
    return event(number, "stock_counted", hours, lines=[line], **fields)


def held(number: int, hours: float, lot: str) -> Any:
    return event(number, "lot_held", hours, item_id=ITEM, lot=lot, reason="complaint")


def reversal(number: int, hours: float, of: dict[str, Any]) -> Any:
    return event(number, "event_reversed", hours, reverses=of["event_id"], reason="twice")


FACILITY = {
    "kind": "facility",
    "facility_id": "{f}",
    "name": "Kotra",
    "level": "PHC",
    "district_id": "D-ONE",
    "state": "Rajasthan",
}
PRODUCT = {
    "kind": "item",
    "item_id": f"{ITEM}-{{f}}",
    "name": "Paracetamol",
    "base_unit": "tablet",
    "levels": ["PHC"],
    "unit_cost_paise": 45,
}
NORM = {
    "kind": "norm",
    "norm_id": "N1-{f}",
    "item_id": f"{ITEM}-{{f}}",
    "lead_time_days": 10,
    "safety_days": 5,
    "review_days": 15,
    "window_days": 30,
}
NORM_OF_ITS_OWN = NORM | {"norm_id": "N2-{f}", "facility_id": "{f}", "window_days": 60}
RECALL = {
    "kind": "recall",
    "recall_id": "R1-{f}",
    "item_id": f"{ITEM}-{{f}}",
    "lot": "a-1",
    "reason": "failed assay",
    "valid_from": (START - timedelta(days=3)).isoformat(),
}
RECEIPT = received(1, 0, "A1", 10)

STORIES: dict[str, list[tuple[str, Any]]] = {
    "given before a receipt": [("events", [dispensed(1, 0, None, 5)])],
    "received": [("events", [RECEIPT])],
    "essential, priced, expiring": [
        ("reference", [FACILITY, PRODUCT]),
        ("events", [counted(1, 0, "A1", 7, complete=True), received(2, 1, "A2", 9, "2026-04")]),
    ],
    "essential at a facility that was counted before": [
        ("reference", [FACILITY, PRODUCT]),
        (
            "events",
            [
                event(
                    1,
                    "stock_counted",
                    0,
                    complete=True,
                    lines=[{"item_id": "ors", "lot": "B", "counted": 3}],
                )
            ],
        ),
        ("events", [received(2, 5, "A1", 10, "2026-05")]),
    ],
    "runs out and comes back": [
        ("events", [received(1, 0, "A1", 5), dispensed(2, 1, "A1", 5), received(3, 2, "A2", 5)])
    ],
    "deficit charged to lots": [
        (
            "events",
            [received(1, 0, "A1", 5), received(2, 1, "A2", 5, "2026-09"), dispensed(3, 2, None, 7)],
        )
    ],
    "a norm, and nothing used before": [
        ("reference", [FACILITY, PRODUCT, NORM]),
        ("events", [counted(1, 0, "A1", 100, complete=True), dispensed(2, 1, "A1", 3)]),
    ],
    "a norm of its own": [
        ("reference", [FACILITY, PRODUCT, NORM, NORM_OF_ITS_OWN]),
        ("events", [received(1, 0, "A1", 100), dispensed(2, 1, "A1", 3)]),
    ],
    "used long before": [
        ("reference", [FACILITY, PRODUCT, NORM]),
        (
            "events",
            [
                counted(1, -24 * 20, "A1", 100, complete=True),
                *(dispensed(n + 2, -24 * (19 - n), "A1", 3) for n in range(15)),
            ],
        ),
    ],
    "out, then used long before": [
        ("reference", [FACILITY, PRODUCT, NORM]),
        (
            "events",
            [
                received(1, -24 * 25, "A1", 10),
                dispensed(2, -24 * 24, "A1", 10),
                received(3, -24 * 20, "A1", 30),
                dispensed(4, -24 * 10, "A1", 3),
            ],
        ),
    ],
    "expired since": [("events", [received(1, -24 * 90, "A1", 10, "2026-01")])],
    "expired beside another lot": [
        ("events", [received(1, -24 * 90, "A1", 10, "2026-01"), received(2, -24 * 90, "A2", 4)])
    ],
    "held before": [("events", [held(1, -1, "A1")]), ("events", [received(2, 0, "A1", 10)])],
    "held in the same batch": [("events", [held(1, -1, "A1"), received(2, 0, "A1", 10)])],
    "recalled before": [("reference", [RECALL]), ("events", [RECEIPT])],
    "reversed in the same batch": [("events", [RECEIPT, reversal(2, 1, RECEIPT)])],
    "reversed before it came": [
        ("events", [reversal(2, 1, RECEIPT)]),
        ("events", [RECEIPT]),
    ],
    "half of it reversed": [
        ("events", [RECEIPT, received(2, 1, "A1", 4), reversal(3, 2, RECEIPT)])
    ],
    "a complete count's zero after an expired receipt": [
        ("events", [received(1, 0, "A2", 3, "2026-01"), counted(2, 1, None, 1, complete=True)])
    ],
    "a complete count that came before the lot": [
        ("events", [counted(1, 2, "A1", 5, complete=True)]),
        ("events", [received(2, 1, "A2", 3)]),
    ],
    "in the wrong order": [
        ("events", [dispensed(1, 3, "A1", 5), received(2, 2, "A1", 5), counted(3, 1, "A1", 1)])
    ],
}


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_first_facts_equal_the_definition(figures: Figures, steps: list[tuple[str, Any]]) -> None:
    place, rows = figures.play(Story(steps))
    wrong = list_differences(rows, list_figures(place))
    assert not wrong, "\n".join(wrong)
    assert figures.find_wrong_tallies() == []
    assert rows["item_state"]
