"""How a facility stands with a directive that it is to have the module in use: the one place that
says so.
"""

from typing import Literal, NamedTuple

Standing = Literal["not_started", "started", "in_use", "lapsed"]


class Use(NamedTuple):
    """What is known of a facility, its store and its counters together.

    Attributes:
        counted: it has made a complete count.
        received: something came from outside.
        ever_dispensed: at least one prescription.
        days_used: with dispensing, of its last open days.
        days_asked: how many of them are asked for.
        was_used_before: before its use ended, there were as many within as many open days.
    """

    counted: bool
    received: bool
    ever_dispensed: bool
    days_used: int
    days_asked: int
    was_used_before: bool


def judge_standing(use: Use) -> Standing:
    """`lapsed`: as one that was in use and isn't any more."""
    if not (use.counted or use.received or use.ever_dispensed):
        return "not_started"
    if not (use.counted and use.received):
        return "started"
    if use.days_used >= use.days_asked:
        return "in_use"
    return "lapsed" if use.was_used_before else "started"
