"""Shapes of directives as they are listed."""

from datetime import date, datetime
from typing import Literal

from api.shapes import Page, Shape


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
