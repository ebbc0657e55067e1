"""Shapes of roll-ups and of lists over the figures, for the OpenAPI document."""

from datetime import date, datetime
from typing import Literal

from api.shapes import Page, Shape


class ItemCountsShape(Shape):
    """Of facilities that have been counted, items of their level's essential list."""

    out: int
    low: int
    ok: int
    over: int
    unrated: int
    unknown: int
    """Of facilities that are silent."""


class RateShape(Shape):
    rate: float | None
    """numerator ÷ denominator; none where the denominator is 0."""
    numerator: int
    denominator: int
    not_reporting: int
    """Items that the denominator leaves out, as their facility is silent."""


class PatientsShape(Shape):
    served: int
    served_in_part: int
    sent_away: int


class GroupShape(Shape):
    """Facilities and patients are null of items and programmes."""

    key: str | None
    name: str | None
    facilities: int | None
    reporting: int | None
    not_reporting: int | None
    not_started: int | None
    items: ItemCountsShape
    stock_out_rate: RateShape
    stocked_according_to_plan: RateShape
    expiring_value_paise: int
    patients: PatientsShape | None
    prescriptions_today: int | None


class SummaryAnswer(Page):
    by: str
    evaluated_on: date | None
    groups: list[GroupShape]


class ItemAtFacilityShape(Shape):
    facility_id: str
    name: str | None
    level: str | None
    district_id: str | None
    on_hand: int
    usable: int
    status: Literal["out", "low", "ok", "over", "unrated", "unknown"]
    last_status: Literal["out", "low", "ok", "over", "unrated"]
    reporting_silent: bool
    essential: bool
    out_since: datetime | None
    min_quantity: int | None
    max_quantity: int | None
    amc: float | None
    """Average monthly consumption."""
    amc_window_days: int | None
    unmet: int | None
    """Prescribed in that window and not dispensed."""
    months_of_stock: float | None
    evaluated_on: date
    last_heard_at: datetime | None


class ItemStockAnswer(Page):
    item_id: str
    formula: str
    facilities: list[ItemAtFacilityShape]


class StockOutShape(Shape):
    facility_id: str
    facility_name: str | None
    item_id: str
    item_name: str | None
    began_at: datetime
    ended_at: datetime | None
    seconds: int
    closed_seconds: int


class StockOutsAnswer(Page):
    stock_outs: list[StockOutShape]


class SurplusShape(Shape):
    facility_id: str
    name: str
    district_id: str | None
    distance_km: float | None
    can_give: int


class ShortageShape(Shape):
    facility_id: str
    facility_name: str | None
    level: str | None
    district_id: str | None
    item_id: str
    item_name: str | None
    ved: Literal["V", "E", "D"] | None
    programme: str | None
    reporting_silent: bool
    out_since: datetime
    days_out: int
    patients_not_served: int
    nearest_surplus: SurplusShape | None


class ShortagesAnswer(Page):
    shortages: list[ShortageShape]


class DraftLineShape(Shape):
    item_id: str
    lot: str
    quantity: int
    expiry: date | None = None


class DraftShape(Shape):
    """A transfer_dispatched event without its `event_id`."""

    type: Literal["transfer_dispatched"]
    facility_id: str
    to_facility_id: str
    transfer_id: str
    occurred_at: datetime
    lines: list[DraftLineShape]


class DonorShape(Shape):
    facility_id: str
    name: str
    district_id: str | None
    distance_km: float | None
    usable: int
    max_quantity: int
    can_give: int
    left_with: int
    soonest_expiry: date | None
    draft: DraftShape


class RescueAnswer(Shape):
    facility_id: str
    item_id: str
    taken_at: datetime
    needed: int | None
    """Up to its maximum, less what is in transit; none where it has no norm, or isn't rated yet."""
    in_transit: int
    """Dispatched to it by others, nothing of the transfer received yet."""
    donors: list[DonorShape]
