"""Standing with a directive, of what is known of a facility: 8 days asked for."""

import pytest

from projections.standing import Standing, Use, judge_standing


@pytest.mark.parametrize(
    ("counted", "received", "dispensed", "days", "before", "standing"),
    [
        (False, False, False, 0, False, "not_started"),
        (False, False, True, 1, False, "started"),
        (True, False, False, 0, False, "started"),
        (True, True, True, 7, False, "started"),
        (False, True, True, 12, True, "started"),
        (True, False, True, 12, True, "started"),
        (True, True, True, 8, False, "in_use"),
        (True, True, True, 7, True, "lapsed"),
        (True, True, True, 0, True, "lapsed"),
    ],
)
def test_standing(
    *, counted: bool, received: bool, dispensed: bool, days: int, before: bool, standing: Standing
) -> None:
    assert judge_standing(Use(counted, received, dispensed, days, 8, before)) == standing
