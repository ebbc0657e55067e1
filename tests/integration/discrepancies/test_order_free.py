"""The same set of events gives the same discrepancies, in whatever order and batches they came."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.definition import Card, LedgerEntry, Recorded, fold
from projections.discrepancies.listing import KINDS, Discrepancy
from stream.codec import content_sha256, decode_event
from tests.histories import (
    EVENT_IDS,
    START,
    Delivery,
    events,
    expiries,
    instants,
    items,
    lots,
    make_record,
)
from tests.integration.discrepancies.book import Book, Event
from tests.integration.discrepancies.conftest import FACILITY
from tests.stack import Stack
from tests.thoroughness import examples


def _event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    ids = st.sampled_from(EVENT_IDS)
    common = {"type": st.just(kind), "event_id": ids, "occurred_at": instants}
    return st.fixed_dictionaries(common | fields)


def _lines(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Event]]:
    """Few quantities, so that some are the same and some are unusual."""
    line = {"item_id": items, "lot": lots, "quantity": st.sampled_from([5, 5, 150])} | fields
    return st.lists(st.fixed_dictionaries(line), min_size=1, max_size=2)


# What makes discrepancies, beside whatever else can happen.
MARKED = st.one_of(
    _event("stock_received", lines=_lines(expiry=expiries), document_no=st.sampled_from("12")),
    _event(
        "transfer_received", lines=_lines(expiry=expiries), transfer_id=st.sampled_from("12")
    ).map(lambda event: event | {"from_facility_id": "elsewhere"}),
    _event("medicine_dispensed", lines=_lines(), prescription_ref=st.sampled_from("12")).map(
        lambda event: event | {"channel": "opd"}
    ),
    _event(
        "stock_counted",
        lines=st.lists(
            st.fixed_dictionaries({"item_id": items, "lot": lots, "counted": st.just(90)}),
            min_size=1,
            max_size=3,
        ),
        complete=st.booleans(),
    ),
    _event("lot_released", item_id=items, lot=lots, reason=st.just("it was whole")),
    _event("event_reversed", reverses=st.sampled_from(EVENT_IDS), reason=st.just("a slip")),
).filter(lambda event: event["event_id"] != event.get("reverses"))


@st.composite
def noted_events(draw: st.DrawFn) -> Event:
    """An event, perhaps of a device that numbers them."""
    event: Event = draw(st.one_of(events, MARKED))
    if draw(st.booleans()):
        event |= {"device_id": "TAB", "device_seq": draw(st.integers(1, 12))}
    return event


@st.composite
def two_deliveries(draw: st.DrawFn) -> tuple[Delivery, Delivery]:
    """The same events in two orders. Each id has one content: of two, the first recorded stands."""
    drawn = draw(st.lists(noted_events(), min_size=4, max_size=12, unique_by=_id))
    first, second = (
        Delivery(
            draw(st.permutations(drawn + draw(st.lists(st.sampled_from(drawn), max_size=3)))),
            sorted(draw(st.lists(st.integers(0, len(drawn)), max_size=4))),
        )
        for _ in range(2)
    )
    return first, second


def _id(event: Event) -> Any:
    return event["event_id"]


class Books:
    """One database for all examples, each delivery at a facility of its own."""

    def __init__(self, stack: Stack, folder: Any) -> None:
        self.runner = asyncio.Runner()
        self.runner.run(stack.reset_database())
        self.book = self.runner.run(Book.open(stack.database_url, folder))
        self.runner.run(self.book.register_item("paracetamol", pack_size=5))
        self.numbers = itertools.count()

    def close(self) -> None:
        self.runner.run(self.book.close())
        self.runner.close()

    def deliver(self, delivery: Delivery) -> list[Discrepancy]:
        return self.runner.run(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> list[Discrepancy]:
        facility_id = f"F{next(self.numbers)}"
        await self.book.register(FACILITY | {"facility_id": facility_id})
        for batch in delivery.batches():
            await self.book.post(*(event | {"facility_id": facility_id} for event in batch))
        found = await self.book.find(facility_id=facility_id)
        return sorted(one._replace(facility_id="", discrepancy_id="") for one in found)


@pytest.fixture(scope="module")
def books(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    books = Books(running, tmp_path_factory.mktemp("keys"))
    yield books
    books.close()


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deliveries=two_deliveries())
@pytest.mark.timeout(300)
def test_order_and_batches_make_no_difference(
    books: Books, deliveries: tuple[Delivery, Delivery]
) -> None:
    first, second = deliveries
    found = books.deliver(first)
    assert books.deliver(second) == found
    assert {one.kind for one in found} <= set(KINDS)
    cards = _cards(books, first.events)
    for kind, is_wrong in (
        ("negative_stock", lambda balance: balance < 0),
        ("unrecorded_lot", lambda balance: balance != 0),
    ):
        of_kind = cards if kind == "negative_stock" else _unrecorded(cards)
        assert {_span(one) for one in found if one.kind == kind} == _runs(of_kind, is_wrong)


Span = tuple[str, str, int, str, str | None]
"""item_id, lot, line_no and id of the event that opened it, id of the one that ended it."""


def _span(one: Discrepancy) -> Span:
    assert one.item_id is not None
    assert one.lot is not None
    assert one.line_no is not None
    (closed_by,) = one.closed_by or (None,)
    return one.item_id, one.lot, one.line_no, one.opened_by[-1], closed_by


Cards = dict[Card, list[LedgerEntry]]


def _unrecorded(cards: Cards) -> Cards:
    return {card: entries for card, entries in cards.items() if not card.lot}


def _runs(cards: Cards, is_wrong: Callable[[int], bool]) -> set[Span]:
    """By a walk along each card of the definition's ledger."""
    runs: set[Span] = set()
    for card, entries in cards.items():
        opened: LedgerEntry | None = None
        for entry in entries:
            if opened is None and is_wrong(entry.balance):
                opened = entry
            elif opened is not None and not is_wrong(entry.balance):
                runs.add((card.item_id, card.lot, opened.line_no, opened.event_id, entry.event_id))
                opened = None
        if opened is not None:
            runs.add((card.item_id, card.lot, opened.line_no, opened.event_id, None))
    return runs


def _cards(books: Books, posted: Sequence[Event]) -> Cards:
    records = [
        make_record(event | {"facility_id": "F"}, offset=offset, keys=books.book.keys)
        for offset, event in enumerate(posted)
    ]
    ledger = fold(
        Recorded(
            decode_event(record.key, record.value, record.headers),
            content_sha256(record.headers),
            START,
            record.offset,
        )
        for record in records
    )
    return ledger.entries
