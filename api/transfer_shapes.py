"""Shapes of transfers, for the OpenAPI document."""

from datetime import datetime

from api.shapes import Page, Shape
from projections.transfers import TransferStatus


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
