"""Which decision stands, and which can be made at all."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from infra.deciding import find_refusal
from projections.decisions import Made, Standing, settle
from projections.queries.dead_letters import Letter
from stream.reference import Decision, LoggedDecision

AT = datetime(2026, 3, 2, tzinfo=UTC)
PLACE = "stock-events/3/1042"


def made(offset: int, decision: Decision, follows: int | None, **changes: Any) -> Made:
    fields = {
        "kind": "dead_letter_decision",
        "topic": "stock-events",
        "partition": 3,
        "log_offset": 1042,
        "letter_kind": "failed",
        "decision": decision,
        "reason": "mended",
        "follows": follows,
        "recorded_by": "asha",
        "source": "cli",
    }
    return Made(LoggedDecision.model_validate(fields | changes), offset, AT)


def standing(*decisions: Made) -> tuple[str, int] | None:
    stands = settle(decisions, {}).get(PLACE)
    return None if stands is None else (stands.decision, stands.decided_offset)


def test_a_decision_follows_the_one_that_stands() -> None:
    first, second = made(5, "replayed", None), made(9, "discarded", 5)
    assert standing() is None
    assert standing(first) == ("replayed", 5)
    assert standing(first, second) == ("discarded", 9)


def test_of_two_made_at_once_the_first_counts() -> None:
    first, second = made(5, "replayed", None), made(6, "discarded", None)
    assert standing(first, second) == ("replayed", 5)
    late = made(7, "discarded", 6)
    assert standing(first, second, late) == ("replayed", 5)


def test_what_was_projected_already_does_not_count_twice() -> None:
    chain = [made(5, "replayed", None), made(6, "discarded", 5), made(8, "replayed", 6)]
    for known in range(len(chain) + 1):
        before = settle(chain[:known], {})
        after = before | settle(chain, before)
        assert after == settle(chain, {})


def test_each_letter_has_decisions_of_its_own() -> None:
    others = [made(7, "discarded", None, log_offset=7), made(8, "discarded", 5, partition=4)]
    for order in permutations([made(5, "replayed", None), *others]):
        assert settle(order, {}).keys() == {PLACE, "stock-events/3/7"}


@pytest.mark.parametrize(
    ("decision", "letter_kind", "expected"),
    [
        ("discarded", "failed", True),
        ("discarded", "undecodable", True),
        ("discarded", "conflict", False),
        ("replayed", "failed", False),
    ],
)
def test_what_sets_a_record_aside(decision: Decision, letter_kind: str, expected: bool) -> None:
    assert Standing.of(made(5, decision, None, letter_kind=letter_kind)).sets_aside is expected


def letter(**changes: Any) -> Letter:
    fields: dict[str, Any] = dict.fromkeys(Letter._fields)
    fields |= {"topic": "stock-events", "partition": 3, "log_offset": 1042, "kind": "failed"}
    return Letter(**fields | {"state": "open", "is_decision": False} | changes)


@pytest.mark.parametrize(
    ("changes", "decision", "refusal"),
    [
        ({}, "replayed", None),
        ({}, "discarded", None),
        ({"state": "discarded"}, "replayed", None),
        ({"state": "discarded"}, "discarded", "already"),
        ({"state": "pending"}, "discarded", "wait"),
        ({"state": "replayed"}, "discarded", "reversed by an event"),
        ({"kind": "conflict"}, "replayed", "can only be discarded"),
        ({"kind": "conflict"}, "discarded", None),
        ({"kind": "undecodable"}, "replayed", None),
        ({"is_decision": True}, "discarded", "decide anew"),
    ],
)
def test_what_can_be_decided(
    changes: dict[str, Any], decision: Decision, refusal: str | None
) -> None:
    said = find_refusal(letter(**changes), decision)
    assert said is None if refusal is None else refusal in (said or "")
