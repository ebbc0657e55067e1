"""Shapes of the overview, for the OpenAPI document."""

from datetime import datetime

from api.shapes import Page, Shape


class GlanceShape(Shape):
    facility_id: str
    name: str
    level: str
    parent_facility_id: str | None
    district_id: str
    district_name: str | None
    """None: the district isn't registered."""
    items_in_stock: int
    items_out: int
    """Together they are the items of its stock answer; out has nothing usable."""
    last_heard_at: datetime | None


class NewLineShape(Shape):
    item_id: str
    name: str | None
    quantity: int
    """As posted, or what was counted."""


class NewEventShape(Shape):
    event_id: str
    type: str
    facility_id: str
    facility_name: str | None
    occurred_at: datetime
    recorded_at: datetime
    line_count: int
    lines: list[NewLineShape]
    """The first ones."""


class OverviewAnswer(Page):
    taken_at: datetime
    facility_count: int
    facilities: list[GlanceShape]
    events_per_second: float
    newest_events: list[NewEventShape]
