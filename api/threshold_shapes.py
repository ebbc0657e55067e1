"""Shapes of thresholds as they are listed."""

from datetime import datetime

from api.shapes import Page, Shape


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
