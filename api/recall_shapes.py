"""Shapes of recalls and of where a recalled lot is, for the OpenAPI document."""

from datetime import date, datetime
from typing import Literal

from api.shapes import Page, Shape
from projections.queries.recalls import Why


class RecallShape(Shape):
    recall_id: str
    item_id: str
    lot: str
    manufacturer: str | None = None
    reason: str
    lifted: bool
    valid_from: datetime


class RecallsAnswer(Page):
    recalls: list[RecallShape]


class TracedShape(Shape):
    """Lots are compared by letters and digits alone, in any case. Possible are `near_lot` (signs
    that look alike, or a part left out), `other_manufacturer` and `no_lot`.
    """

    match: Literal["certain", "possible"]
    why: Why


class HoldingShape(TracedShape):
    facility_id: str
    facility_name: str | None
    district_id: str | None
    lot: str | None
    expiry: date | None
    on_hand: int


class MovingShape(TracedShape):
    from_facility_id: str
    to_facility_id: str
    transfer_id: str
    lot: str
    dispatched_at: datetime
    quantity: int


class DispenseShape(TracedShape):
    facility_id: str
    event_id: str
    line_no: int
    occurred_at: datetime
    lot: str | None
    quantity: int
    patient_pseudonym: str | None
    prescription_hash: str | None


class TraceAnswer(RecallShape, Page):
    """`on_hand` sums all that is certain; `in_transit` is in the first page."""

    recorded_at: datetime
    on_hand: int
    holdings: list[HoldingShape]
    in_transit: list[MovingShape]
    dispenses: list[DispenseShape]
