"""Random histories of a facility, as strategies: everything that can happen to a stock card."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord
from hypothesis import strategies as st

from stream.batches import LogRecord
from stream.codec import encode_event
from stream.events import posted_event
from stream.keyring import KeyRing
from stream.topics import STOCK_EVENTS

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVENT_IDS = [str(UUID(int=number << 64 | number)) for number in range(1, 13)]

instants = st.integers(0, 5).map(lambda hours: (START + timedelta(hours=hours)).isoformat())
items = st.sampled_from(["paracetamol", "ors"])
lots = st.sampled_from(["A1", "A2"])
maybe_lots = st.none() | lots
quantities = st.integers(1, 50)
expiries = st.none() | st.sampled_from(["2026-01", "2026-09-30", "2027-03"])


def _lines(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({"item_id": items, **fields}), min_size=1, max_size=3)


def _event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "type": st.just(kind),
            "event_id": st.sampled_from(EVENT_IDS),
            "occurred_at": instants,
            "corrects": st.none() | st.none() | st.sampled_from(EVENT_IDS),
            **fields,
        }
    )


events = st.one_of(
    _event("stock_received", lines=_lines(lot=lots, expiry=expiries, quantity=quantities)),
    _event(
        "medicine_dispensed",
        channel=st.just("opd"),
        lines=_lines(lot=maybe_lots, quantity=st.integers(0, 50)),
    ),
    _event(
        "stock_issued", to_kind=st.just("ward"), lines=_lines(lot=maybe_lots, quantity=quantities)
    ),
    _event(
        "transfer_dispatched",
        transfer_id=st.just("T1"),
        to_facility_id=st.just("elsewhere"),
        lines=_lines(lot=lots, expiry=expiries, quantity=quantities),
    ),
    _event(
        "transfer_received",
        transfer_id=st.just("T2"),
        from_facility_id=st.just("elsewhere"),
        lines=_lines(
            lot=lots, expiry=expiries, quantity=st.integers(0, 50), damaged=st.integers(0, 5)
        ),
    ),
    _event("medicine_returned", lines=_lines(lot=maybe_lots, quantity=quantities)),
    _event(
        "stock_adjusted",
        lines=_lines(
            lot=maybe_lots,
            expiry=expiries,
            quantity=st.integers(-50, -1) | quantities,
            reason=st.just("found"),
        ),
    ),
    _event(
        "stock_counted",
        complete=st.booleans(),
        lines=_lines(lot=maybe_lots, expiry=expiries, counted=st.integers(0, 80)),
    ),
    _event("lot_held", item_id=items, lot=lots, reason=st.just("broken seal")),
    _event("lot_released", item_id=items, lot=lots, reason=st.just("seal was whole")),
    _event("event_reversed", reverses=st.sampled_from(EVENT_IDS), reason=st.just("slip")),
).filter(lambda e: e["event_id"] not in (e.get("corrects"), e.get("reverses")))


@dataclass(frozen=True)
class Delivery:
    """Events in the order in which they were recorded, and where the batches end."""

    events: Sequence[dict[str, Any]]
    batch_ends: Sequence[int]

    def batches(self) -> list[Sequence[dict[str, Any]]]:
        ends = [0, *self.batch_ends, len(self.events)]
        return [self.events[a:b] for a, b in pairwise(ends) if b > a]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Up to 14 records; equal ids make repeats (drawn again as they were) and conflicts."""
    drawn = draw(st.lists(events, min_size=1, max_size=10))
    repeats = draw(st.lists(st.sampled_from(drawn), max_size=4))
    order = draw(st.permutations(drawn + repeats))
    ends = draw(st.lists(st.integers(0, len(order)), max_size=5))
    return Delivery(order, sorted(ends))


def make_record(body: dict[str, Any], *, offset: int, keys: KeyRing) -> LogRecord:
    """The record of `stock-events` partition 0 that the API would have appended."""
    event = posted_event.validate_python({k: v for k, v in body.items() if v is not None})
    outgoing = encode_event(event, recorded_by="test", source="api", partitions=1, keys=keys)
    return ConsumerRecord(
        topic=STOCK_EVENTS,
        partition=0,
        offset=offset,
        timestamp=int(START.timestamp() * 1000) + offset,
        timestamp_type=1,
        key=outgoing.key,
        value=outgoing.value,
        checksum=None,
        serialized_key_size=len(outgoing.key),
        serialized_value_size=len(outgoing.value),
        headers=outgoing.headers,
    )
