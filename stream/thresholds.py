"""Thresholds: numbers that an alert rule depends on, where a state wants others than the rule's."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from stream.alerts import RuleId
from stream.fields import Id, Name, null_is, slip
from stream.versioned import Level, Reference

ParameterName = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ParameterValue = Annotated[int, Field(strict=True, ge=0, le=10**9)]


class Threshold(Reference):
    """What `parameters` of a rule are for facilities of a district, a state or a level.

    Which rules and parameters there are is the evaluation's to say. Of the records in force that
    name a parameter the most specific gives it: of a district and level, a district, a state and
    level, a state, a level, of everything; of two alike that with the greatest `threshold_id`.
    `withdrawn` ends it.
    """

    kind: Literal["threshold"]
    threshold_id: Id
    rule: RuleId
    level: Level | None = None
    state: Name | None = None
    district_id: Id | None = None
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(min_length=1, max_length=30)]
    withdrawn: Annotated[StrictBool, null_is(False)] = False

    @model_validator(mode="after")
    def check_place(self) -> Self:
        if self.state is not None and self.district_id is not None:
            raise slip("district_id", "a threshold names a state or a district: one of them")
        return self
