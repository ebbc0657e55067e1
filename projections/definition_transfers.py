"""Transfers by the definition: what both ends posted, added up. Plain and slow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from projections.companions import list_transfer_lines
from projections.definition import Ledger
from projections.transfers import Sent


@dataclass(slots=True)
class BothEnds:
    """One transfer, by events that stand. Instants: the first dispatch and the first receipt."""

    dispatched_at: datetime | None = None
    received_at: datetime | None = None
    lots: dict[tuple[str, str], Sent] = field(default_factory=dict)
    """(item_id, lot) → what was sent."""

    @property
    def items(self) -> Mapping[str, Sent]:
        """All lots of an item together."""
        items: dict[str, Sent] = {}
        for (item_id, _), sent in self.lots.items():
            items[item_id] = _add(items.get(item_id), sent)
        return items


def add_up_transfers(ledger: Ledger) -> dict[tuple[str, str, str], BothEnds]:
    """(from_facility_id, to_facility_id, transfer_id) → the transfer."""
    transfers: dict[tuple[str, str, str], BothEnds] = {}
    for key, record in ledger.events.items():
        if key in ledger.reversed_at:
            continue
        at = record.event.occurred_at
        for line in list_transfer_lines(record.event):
            _, from_id, to_id, transfer_id, is_dispatch, item_id, lot, quantity, damaged = line
            transfer = transfers.setdefault((from_id, to_id, transfer_id), BothEnds())
            if is_dispatch:
                transfer.dispatched_at = min(at, transfer.dispatched_at or at)
                sent = Sent(quantity, 0, 0)
            else:
                transfer.received_at = min(at, transfer.received_at or at)
                sent = Sent(0, quantity, damaged)
            transfer.lots[item_id, lot] = _add(transfer.lots.get((item_id, lot)), sent)
    return transfers


def _add(one: Sent | None, other: Sent) -> Sent:
    return other if one is None else Sent(*(a + b for a, b in zip(one, other, strict=True)))
