"""Shapes of the answers of reads, for the OpenAPI document; answers aren't validated by them."""

from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from api.openapi import PROBLEMS
from projections.queries.recalls import Why
from projections.reporting import Reporting
from projections.stock_norm import Status
from projections.transfers import TransferStatus
from projections.usable import LotState

_HEADERS: Final = {
    "Dawalog-Position": "What the answer holds; a later read may wait for it.",
    "Dawalog-As-Of": "All that Dawalog accepted until this instant is included. It says nothing "
    "of what a facility hasn't sent.",
}


def read_answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The answers of a read, for the OpenAPI document."""
    headers = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in _HEADERS.items()
    }
    problems: dict[int | str, dict[str, Any]] = {
        status: PROBLEMS[status] for status in (400, 422, 503)
    }
    return {
        200: {"model": model, "description": "The answer.", "headers": headers},
        404: PROBLEMS[422] | {"description": "No such facility or event."},
        **problems,
    }


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Page(Shape):
    next_cursor: str | None


class LotShape(Shape):
    lot: str | None
    """None: the item's unrecorded lot."""
    expiry: date | None
    on_hand: int
    state: LotState


class ItemNormShape(Shape):
    """The answer's `formulas` say what each is. Null: it can't be told, as the item isn't rated;
    with `include=children` the window isn't told.
    """

    min_quantity: int | None
    max_quantity: int | None
    amc: float | None
    months_of_stock: float | None
    days_of_stock: float | None
    window_days: int | None
    consumed: int
    available_days: float | None
    reorder_quantity: int | None


class ItemShape(Shape):
    item_id: str
    name: str | None
    """None: the catalogue doesn't know the item."""
    on_hand: int
    usable: int
    status: Status
    out_since: datetime | None
    essential: bool
    norm: ItemNormShape | None
    """None where no norm applies, and at a past moment."""
    expiring: int
    expected_waste: int | None
    """None where the item isn't rated, and with `include=children`."""
    lots: list[LotShape]


class MemberShape(Shape):
    facility_id: str
    name: str
    level: str
    last_heard_at: datetime | None


class StockAnswer(Page):
    facility_id: str
    as_of: datetime
    known_at: datetime
    position: str
    last_heard_at: datetime | None
    reporting: Reporting | None
    suspect: bool
    open_discrepancies: int | None
    """None with `include=children`."""
    facilities: list[MemberShape] | None = None
    """Whose stock it is, with `include=children`."""
    formulas: dict[str, str]
    """How each figure of the items is computed, by its name."""
    items: list[ItemShape]


class EntryShape(Shape):
    occurred_at: datetime
    recorded_at: datetime
    event_id: str
    line_no: int
    type: str
    lot: str | None
    quantity: int | None = None
    counted: int | None = None
    balance: int
    variance: int | None = None
    reversed: bool


class CardAnswer(Page):
    entries: list[EntryShape]


class SentShape(Shape):
    """dispatched + over + unmatched = received + damaged + in_transit + short"""

    dispatched: int
    received: int
    """In good state."""
    damaged: int
    in_transit: int
    short: int
    over: int
    unmatched: int


class SentLotShape(SentShape):
    lot: str


class SentItemShape(SentShape):
    """All lots together, whatever lots the ends typed."""

    item_id: str
    lots: list[SentLotShape]


class TransferShape(Shape):
    from_facility_id: str
    to_facility_id: str
    transfer_id: str
    status: TransferStatus
    """The first of `statuses`, which are in the order in which they matter."""
    statuses: list[TransferStatus]
    dispatched_at: datetime | None
    received_at: datetime | None
    overdue_at: datetime | None = None
    items: list[SentItemShape]


class TransfersAnswer(Page):
    transfers: list[TransferShape]


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
    state: Literal["applied", "reversed"]


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
