"""Shapes of what is registered, as it is listed, for the OpenAPI document."""

from datetime import date, datetime
from typing import Any, Literal

from api.shapes import Page, Shape


class FacilityShape(Shape):
    facility_id: str
    name: str
    names: dict[str, str] | None = None
    level: str
    parent_facility_id: str | None = None
    district_id: str
    block_id: str | None = None
    state: str
    location: dict[str, float] | None = None
    time_zone: str
    closed_weekdays: list[str] | None = None
    """None: closed on Sundays."""
    identifiers: list[dict[str, Any]] | None = None
    valid_from: datetime


class FacilitiesAnswer(Page):
    facilities: list[FacilityShape]


class RegisteredItemShape(Shape):
    item_id: str
    name: str
    names: dict[str, str] | None = None
    base_unit: str
    pack_size: int | None = None
    category: str | None = None
    ved: str | None = None
    programme: str | None = None
    schedule: str | None = None
    levels: list[str] | None = None
    unit_cost_paise: int | None = None
    identifiers: list[dict[str, Any]] | None = None
    valid_from: datetime


class ItemsAnswer(Page):
    items: list[RegisteredItemShape]


class DistrictShape(Shape):
    district_id: str
    name: str
    names: dict[str, str] | None = None
    state: str
    valid_from: datetime


class DistrictsAnswer(Page):
    districts: list[DistrictShape]


class NormShape(Shape):
    """In force, or ended: `withdrawn`. Without level, item and facility it is of everything."""

    norm_id: str
    level: str | None = None
    item_id: str | None = None
    facility_id: str | None = None
    lead_time_days: int
    safety_days: int
    review_days: int
    window_days: int
    withdrawn: bool
    valid_from: datetime


class NormsAnswer(Page):
    norms: list[NormShape]


class ClosureShape(Shape):
    """Without facility, district and state all facilities are closed."""

    closure_id: str
    facility_id: str | None = None
    district_id: str | None = None
    state: str | None = None
    first_day: date
    last_day: date
    reason: str
    withdrawn: bool
    valid_from: datetime


class ClosuresAnswer(Page):
    closures: list[ClosureShape]


class DirectiveShape(Shape):
    directive_id: str
    title: str
    requires: Literal["module_in_use"]
    levels: list[str]
    district_ids: list[str] | None = None
    state: str | None = None
    deadline: date
    """In India; met by the end of this day."""
    used_days: int
    of_open_days: int
    withdrawn: bool
    valid_from: datetime


class DirectivesAnswer(Page):
    directives: list[DirectiveShape]


class ChainStepShape(Shape):
    officer: Literal["in_charge", "block", "district", "state"]
    title: str | None = None
    """What the officer is called there."""
    after_hours: int
    critical_after_hours: int | None = None
    """The same of critical alerts."""


class ChainShape(Shape):
    chain_id: str
    state: str
    district_id: str | None = None
    steps: list[ChainStepShape]
    withdrawn: bool
    valid_from: datetime


class ChainsAnswer(Page):
    chains: list[ChainShape]


class ThresholdShape(Shape):
    threshold_id: str
    rule: str
    level: str | None = None
    state: str | None = None
    district_id: str | None = None
    parameters: dict[str, int]
    """Which there are, and what they mean: docs/alerts.md."""
    withdrawn: bool
    valid_from: datetime


class ThresholdsAnswer(Page):
    thresholds: list[ThresholdShape]
