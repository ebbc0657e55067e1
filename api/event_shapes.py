"""Shapes of events as they are listed and shown, for the OpenAPI document."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from api.shapes import Page, Shape


class EventShape(Shape):
    """The event's own fields, and these."""

    model_config = ConfigDict(extra="allow")

    event_id: str
    type: str
    facility_id: str
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: str
    sealed: list[str] | None = None
    """Names of fields that are there and that only the privacy keys open."""
    state: Literal["applied", "reversed", "conflict"]


class DayBookAnswer(Page):
    events: list[EventShape]


class EventAnswer(Shape):
    """The event's own fields, and these."""

    model_config = ConfigDict(extra="allow")

    event_id: str
    facility_id: str
    state: Literal["applied", "reversed", "conflict", "failed"]
    position: str
    recorded_at: datetime
    reversed_at: datetime | None = None
    detail: str
