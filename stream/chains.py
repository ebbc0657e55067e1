"""Chains of command: which officer answers for an alert after how long."""

from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictBool, model_validator

from stream.fields import Id, Name, null_is, slip
from stream.lines import Contract
from stream.versioned import Reference

Hours = Annotated[int, Field(strict=True, ge=0, le=24 * 366)]
Officer = Literal["in_charge", "block", "district", "state"]
OFFICERS: Final[tuple[Officer, ...]] = ("in_charge", "block", "district", "state")
"""From the facility up."""


class ChainStep(Contract):
    """Whose turn it is from so many hours on; for critical alerts from `critical_after_hours`.

    `title` is what the officer is called there: CMHO, Civil Surgeon, …
    """

    officer: Officer
    title: Name | None = None
    after_hours: Hours
    critical_after_hours: Hours | None = None

    @model_validator(mode="after")
    def check_hours(self) -> Self:
        if (self.critical_after_hours or 0) > self.after_hours:
            raise slip(
                "critical_after_hours", "critical_after_hours must not be more than after_hours"
            )
        return self


class Chain(Reference):
    """Who answers for an alert next if it isn't over: a state's officers, or a district's own.

    That of the district applies before that of its state; of two alike that with the greatest
    `chain_id`. `withdrawn` ends it.
    """

    kind: Literal["chain"]
    chain_id: Id
    state: Name
    district_id: Id | None = None
    steps: Annotated[tuple[ChainStep, ...], Field(min_length=1, max_length=4, strict=False)]
    withdrawn: Annotated[StrictBool, null_is(False)] = False

    @model_validator(mode="after")
    def check_steps(self) -> Self:
        if self.steps[0].after_hours:
            raise slip("steps", "somebody's turn must be at once: after_hours 0 of the first step")
        for step, following in pairwise(self.steps):
            if OFFICERS.index(following.officer) <= OFFICERS.index(step.officer):
                raise slip("steps", "steps go up: in_charge, block, district, state, each once")
            if following.after_hours <= step.after_hours:
                raise slip("steps", "after_hours must be more with each step")
        return self


DEFAULT_STEPS: Final = (
    ChainStep(officer="in_charge", after_hours=0),
    ChainStep(officer="block", after_hours=24),
    ChainStep(officer="district", after_hours=48, critical_after_hours=0),
    ChainStep(officer="state", after_hours=168),
)
"""Where no chain applies."""
