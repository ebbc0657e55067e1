"""Stock and cards at any past moment equal the definition's, on random histories."""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.definition import Card, CardBalance, Ledger, Recorded
from projections.definition_past import fold_known, list_cards, list_held
from projections.queries.card import CardEntry, CardKey, find_card
from projections.queries.moments import Moment
from projections.queries.stock import FacilityStock, find_stock
from projections.reading import ReadModel
from projections.settings import ReadingSettings
from stream.keyring import KeyRing
from tests.histories import START, Delivery, deliveries
from tests.integration.test_fold import Projection, recorded
from tests.stack import Stack
from tests.thoroughness import examples

LONG_BEFORE = START - timedelta(days=1)
LONG_AFTER = START + timedelta(days=30)
ITEMS = ("paracetamol", "ors")

hours = st.none() | st.integers(-1, 6).map(lambda hour: START + timedelta(hours=hour))
shares = st.none() | st.floats(0, 1)
"""Of the records, how many were known; none: all."""


class Past(Projection):
    """A projection whose read model is asked as the API asks it."""

    async def _open(self) -> None:
        await super()._open()
        self.model = ReadModel(ReadingSettings(database_url=self.url))
        await self.model.start()

    def close(self) -> None:
        self.runner.run(self.model.stop())
        super().close()

    def stock(self, facility_id: str, moment: Moment) -> FacilityStock:
        stock = self.runner.run(
            find_stock(self.model, facility_id=facility_id, partition=0, moment=moment)
        )
        assert stock is not None
        return stock

    def card(self, facility_id: str, item_id: str, **asked: Any) -> list[CardEntry]:
        asked = {
            "lot": None,
            "occurred_from": LONG_BEFORE,
            "occurred_to": LONG_AFTER,
            "after": CardKey(LONG_BEFORE, "00000000-0000-0000-0000-000000000000", -1, ""),
            "limit": 1000,
        } | asked
        card = self.runner.run(
            find_card(self.model, facility_id=facility_id, partition=0, item_id=item_id, **asked)
        )
        assert card is not None
        return card.entries


@pytest.fixture(scope="module")
def past(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    asyncio.run(running.reset_database())
    past = Past(running.database_url, KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ"))
    yield past
    past.close()


def known_until(records: list[Recorded], share: float | None) -> datetime | None:
    if share is None:
        return None
    stamps = [record.recorded_at for record in records]
    return (
        stamps[round(share * len(stamps)) - 1]
        if round(share * len(stamps))
        else min(stamps) - timedelta(milliseconds=1)
    )


def shown_cards(stock: FacilityStock, facility_id: str) -> dict[Card, tuple[CardBalance, bool]]:
    return {
        Card(facility_id, item.item_id, lot.lot): (CardBalance(lot.on_hand, lot.expiry), lot.held)
        for item in stock.items
        for lot in item.lots
    }


def expected_entries(ledger: Ledger, facility_id: str, item_id: str) -> list[tuple[Any, ...]]:
    """(occurred_at, event_id, line_no, lot, quantity, balance, variance, reversed), in order."""
    told = []
    for card, entries in ledger.entries.items():
        if card.facility_id != facility_id or card.item_id != item_id:
            continue
        before = 0
        for entry in entries:
            variance = entry.quantity - before if entry.is_count else None
            key = (entry.occurred_at, entry.event_id, entry.line_no, card.lot)
            is_reversed = entry.reversed_at is not None
            told.append((*key, entry.quantity, entry.balance, variance, is_reversed))
            before = entry.balance
    return sorted(told, key=lambda one: one[:4])


def shown_entry(entry: CardEntry) -> tuple[Any, ...]:
    return (
        datetime.fromisoformat(entry.occurred_at),
        entry.event_id,
        entry.line_no,
        entry.lot,
        entry.quantity,
        entry.balance,
        entry.variance,
        entry.reversed,
    )


patiently = settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@patiently
@given(delivery=deliveries(), as_of=hours, share=shares)
@pytest.mark.timeout(300)
def test_stock_at_any_moment(
    past: Past, delivery: Delivery, as_of: datetime | None, share: float | None
) -> None:
    log, facility_id = past.deliver(delivery)
    records = recorded(log)
    known_at = known_until(records, share)
    ledger = fold_known(records, known_at or LONG_AFTER)
    held = list_held(ledger, as_of or LONG_AFTER)
    stock = past.stock(facility_id, Moment(as_of, known_at))
    # No entry is 90 days old where as_of is asked for; without it, what is 0 may be left out.
    expected = {
        card: (balance, card in held)
        for card, balance in list_cards(ledger, as_of or LONG_AFTER).items()
    }
    shown = shown_cards(stock, facility_id)
    if as_of is None:
        expected = {card: one for card, one in expected.items() if one[0].on_hand or card in shown}
    assert shown == expected
    assert {item.item_id for item in stock.items} == {
        card.item_id for card in list_cards(ledger, as_of or LONG_AFTER)
    }
    heard = [record.recorded_at for record in ledger.events.values()]
    assert stock.last_heard_at == max(heard, default=None)


@patiently
@given(delivery=deliveries(), share=shares, limit=st.integers(1, 9), hour=hours)
@pytest.mark.timeout(300)
def test_cards_as_known_at_any_instant(
    past: Past, delivery: Delivery, share: float | None, limit: int, hour: datetime | None
) -> None:
    log, facility_id = past.deliver(delivery)
    records = recorded(log)
    known_at = known_until(records, share)
    ledger = fold_known(records, known_at or LONG_AFTER)
    since = hour or LONG_BEFORE
    for item_id in ITEMS:
        expected = [
            one for one in expected_entries(ledger, facility_id, item_id) if one[0] >= since
        ]
        shown: list[CardEntry] = []
        while True:
            after = {"after": key_of(shown[-1])} if shown else {}
            page = past.card(
                facility_id, item_id, known_at=known_at, limit=limit, occurred_from=since, **after
            )
            shown += page
            if len(page) < limit:
                break
        assert [shown_entry(entry) for entry in shown] == expected


def key_of(entry: CardEntry) -> CardKey:
    occurred_at = datetime.fromisoformat(entry.occurred_at)
    return CardKey(occurred_at, entry.event_id, entry.line_no, entry.lot)


def test_expiry_is_what_was_known(past: Past) -> None:
    """The earliest of all facts known, whenever they occurred; also after the moment asked for."""
    event = {
        "type": "stock_received",
        "event_id": "00000000-0000-0000-0000-000000000001",
        "occurred_at": START.isoformat(),
        "lines": [{"item_id": "ors", "lot": "A1", "expiry": "2027-03", "quantity": 5}],
    }
    other = event | {
        "event_id": "00000000-0000-0000-0000-000000000002",
        "occurred_at": (START + timedelta(hours=2)).isoformat(),
        "lines": [{"item_id": "ors", "lot": "A1", "expiry": "2026-09-30", "quantity": 5}],
    }
    log, facility_id = past.deliver(Delivery([event, other], [1]))
    first, second = (record.recorded_at for record in recorded(log))
    for known_at, expiry in ((first, date(2027, 3, 31)), (second, date(2026, 9, 30))):
        stock = past.stock(facility_id, Moment(START, known_at))
        assert [lot[:3] for lot in stock.items[0].lots] == [("A1", expiry, 5)]
