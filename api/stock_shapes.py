"""Shapes of a facility's stock and of its stock cards, for the OpenAPI document."""

from datetime import date, datetime

from api.shapes import Page, Shape
from projections.reporting import Reporting
from projections.stock_norm import Status
from projections.usable import LotState


class LotShape(Shape):
    lot: str | None
    """None: the item's unrecorded lot."""
    expiry: date | None
    on_hand: int
    state: LotState


class ItemNormShape(Shape):
    """The answer's `formulas` say what each is. Null: it can't be told, as the item isn't rated;
    with `include=children` window and `unmet` aren't told. Rows of live push and of changes know of
    neither `unmet` nor `in_transit`: their `reorder_quantity` is of what is usable alone.
    """

    min_quantity: int | None
    max_quantity: int | None
    amc: float | None
    months_of_stock: float | None
    days_of_stock: float | None
    window_days: int | None
    consumed: int
    unmet: int | None
    available_days: float | None
    in_transit: int | None
    reorder_quantity: int | None
    safety_stock: int | None
    """With the reorder point: told where one item is asked for (`item_id`), else null."""
    reorder_point: int | None


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
