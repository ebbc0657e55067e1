"""Transfers equal the definition's, and nothing gets lost between facilities unaccounted for."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.decoding import decode_batch
from projections.definition import Ledger, Recorded, fold
from projections.definition_past import fold_known
from projections.definition_transfers import BothEnds, add_up_transfers
from projections.queries.moments import PRESENT, Moment
from projections.queries.transfers import FIRST, Transfer, list_transfers
from projections.transfers import Sent, fate_of
from stream.batches import LogRecord, RecordBatch
from stream.keyring import KeyRing
from stream.topics import STOCK_EVENTS
from tests.histories import EVENT_IDS, START, expiries, instants, items, lots, make_record
from tests.integration.test_fold import recorded
from tests.integration.test_past_moments import Past
from tests.stack import Stack
from tests.thoroughness import examples

OVERDUE_AFTER = timedelta(hours=3)
Body = dict[str, Any]


def _lines(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Body]]:
    return st.lists(st.fixed_dictionaries({"item_id": items, **fields}), min_size=1, max_size=2)


def _event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """At one of three facilities, `end`, which may deal with `other`."""
    ends = st.permutations(range(3)).map(lambda order: {"end": order[0], "other": order[1]})
    body = st.fixed_dictionaries(
        {
            "type": st.just(kind),
            "event_id": st.sampled_from(EVENT_IDS),
            "occurred_at": instants,
            **fields,
        }
    )
    return st.tuples(ends, body).map(lambda both: both[0] | both[1])


transfer_ids = st.sampled_from(["T1", "T2"])
quantities = st.integers(1, 20)
dispatches = _event(
    "transfer_dispatched",
    transfer_id=transfer_ids,
    lines=_lines(lot=lots, quantity=quantities, expiry=expiries),
)
receipts = _event(
    "transfer_received",
    transfer_id=transfer_ids,
    lines=_lines(lot=lots, quantity=st.integers(0, 20), damaged=st.integers(0, 3)),
)
events = st.one_of(
    dispatches,
    dispatches,
    receipts,
    receipts,
    _event("stock_received", lines=_lines(lot=lots, quantity=quantities)),
    _event("medicine_dispensed", channel=st.just("opd"), lines=_lines(quantity=quantities)),
    _event(
        "stock_counted",
        complete=st.booleans(),
        lines=_lines(lot=lots, counted=st.integers(0, 30)),
    ),
    _event("event_reversed", reverses=st.sampled_from(EVENT_IDS), reason=st.just("slip")),
).filter(lambda event: event["event_id"] != event.get("reverses"))


class Network(Past):
    """Three facilities of their own for each history."""

    def deliver_all(self, bodies: Sequence[Body]) -> tuple[list[LogRecord], list[str]]:
        self.facilities += 1
        ids = [f"N{self.facilities}-{number}" for number in range(3)]
        made = [
            make_record(_placed(body, ids), offset=offset, keys=self.keys)
            for offset, body in enumerate(bodies, self.next_offset)
        ]
        self.next_offset += len(made)
        for half in (made[::2], made[1::2]) if len(made) == 2 else (made,):
            decoded = decode_batch(RecordBatch(STOCK_EVENTS, 0, 1, half))
            self.runner.run(self.lane.project([decoded]))
        return made, ids

    def transfers(
        self, facility_id: str, *, status: str | None = None, moment: Moment = PRESENT
    ) -> list[Transfer]:
        """All pages, one transfer a page, of which two are looked at."""
        found: list[Transfer] = []
        after = FIRST
        while True:
            page = self.runner.run(
                list_transfers(
                    self.model,
                    facility_id=facility_id,
                    status=status,
                    overdue_after=OVERDUE_AFTER,
                    after=after,
                    moment=moment,
                    limit=1,
                    looked_at=2,
                )
            )
            stopped_at = page.transfers[-1].key if page and page.transfers else None
            if page is None or not (stopped_at := stopped_at or page.looked_at_to):
                return found
            assert stopped_at > after
            after = stopped_at
            found += page.transfers

    def on_hand(self, facility_id: str) -> int:
        return sum(item.on_hand for item in self.stock(facility_id, Moment()).items)


def _placed(body: Body, ids: Sequence[str]) -> Body:
    """The event at its facility; the other end is the one it deals with."""
    other = {"transfer_dispatched": "to_facility_id", "transfer_received": "from_facility_id"}
    placed = {name: value for name, value in body.items() if name not in ("end", "other")}
    placed["facility_id"] = ids[body["end"]]
    if body["type"] in other:
        placed[other[body["type"]]] = ids[body["other"]]
    return placed


@pytest.fixture(scope="module")
def network(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    asyncio.run(running.reset_database())
    keys = KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ")
    network = Network(running.database_url, keys)
    yield network
    network.close()


def shown(transfers: Sequence[Transfer]) -> dict[tuple[str, ...], BothEnds]:
    return {
        transfer.key: BothEnds(
            transfer.dispatched_at and datetime.fromisoformat(transfer.dispatched_at),  # type: ignore[arg-type]
            transfer.received_at and datetime.fromisoformat(transfer.received_at),  # type: ignore[arg-type]
            {(item.item_id, lot): sent for item in transfer.items for lot, sent in item.lots},
        )
        for transfer in transfers
    }


def statuses_of(transfer: BothEnds, as_of: datetime) -> set[str]:
    """By the words of the contract, one by one."""
    left = [sent.dispatched - sent.received - sent.damaged for sent in transfer.items.values()]
    damaged = {"damaged"} if any(sent.damaged for sent in transfer.items.values()) else set()
    if transfer.dispatched_at is None:
        return {"unmatched"} | damaged
    if transfer.received_at is None:
        late = as_of - transfer.dispatched_at > OVERDUE_AFTER
        return {"in_transit"} | ({"overdue"} if late else set())
    found = {name for name, is_so in (
        ("short", any(one > 0 for one in left)), ("over", any(one < 0 for one in left))
    ) if is_so} | damaged  # fmt: skip
    return found or {"received"}


patiently = settings(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@patiently
@given(
    bodies=st.lists(events, min_size=1, max_size=10),
    hour=st.integers(-1, 9),
    share=st.floats(0, 1),
)
@pytest.mark.timeout(300)
def test_transfers_equal_the_definition(
    network: Network, bodies: list[Body], hour: int, share: float
) -> None:
    log, ids = network.deliver_all(bodies)
    records = recorded(log)
    known_at = records[round(share * (len(records) - 1))].recorded_at
    as_of = START + timedelta(hours=hour)
    ledger = fold_known(records, known_at)
    until = Ledger(
        {key: one for key, one in ledger.events.items() if one.event.occurred_at <= as_of},
        [],
        ledger.reversed_at,
        {},
        {},
    )
    expected = add_up_transfers(until)
    for facility_id in ids:
        here = {key: one for key, one in expected.items() if facility_id in key[:2]}
        moment = Moment(as_of, known_at)
        found = network.transfers(facility_id, moment=moment)
        assert shown(found) == here
        for transfer in found:
            assert set(transfer.statuses) == statuses_of(here[transfer.key], as_of)
            assert {item.item_id: item.sent for item in transfer.items} == here[transfer.key].items
        for status in ("in_transit", "short", "overdue"):
            with_it = {one.key for one in found if status in one.statuses}
            asked = network.transfers(facility_id, status=status, moment=moment)
            assert {one.key for one in asked} == with_it


@patiently
@given(bodies=st.lists(events, min_size=1, max_size=10))
@pytest.mark.timeout(300)
def test_nothing_is_lost_between_facilities(network: Network, bodies: list[Body]) -> None:
    """Σ on hand + in transit + losses = what came from outside − what was given, to the unit.

    Counts come in by their variance. What was received beyond what was sent is a gain.
    """
    log, ids = network.deliver_all(bodies)
    records = recorded(log)
    on_hand = sum(
        network.on_hand(facility_id) for facility_id in ids if is_known(records, facility_id)
    )
    between = 0
    transfers = {one.key: one for facility_id in ids for one in network.transfers(facility_id)}
    for transfer in transfers.values():
        for item in transfer.items:
            fate = fate_of(
                item.sent,
                is_dispatched=transfer.dispatched_at is not None,
                is_received=transfer.received_at is not None,
            )
            lost = item.sent.damaged + fate.short
            between += fate.in_transit + lost - fate.over - fate.unmatched
    assert on_hand + between == from_outside(fold(records))


def is_known(records: Sequence[Recorded], facility_id: str) -> bool:
    return any(record.event.facility_id == facility_id for record in records)


def from_outside(ledger: Ledger) -> int:
    """Receipts − dispensed and so on, and the variances of counts; transfers left out."""
    total = 0
    for card, entries in ledger.entries.items():
        before = 0
        for entry in entries:
            event = ledger.events[card.facility_id, entry.event_id].event
            if entry.reversed_at is None and not event.type.startswith("transfer_"):
                total += entry.quantity - (before if entry.is_count else 0)
            before = entry.balance
    return total


def test_fates_add_up() -> None:
    for dispatched, received, damaged in ((0, 5, 1), (9, 5, 1), (9, 9, 3), (4, 0, 0)):
        sent = Sent(dispatched, received, damaged)
        for is_received in (True, False) if dispatched else (True,):
            arrived = sent if is_received else Sent(dispatched, 0, 0)
            fate = fate_of(arrived, is_dispatched=dispatched > 0, is_received=is_received)
            assert arrived.dispatched + fate.over + fate.unmatched == (
                arrived.received + arrived.damaged + fate.in_transit + fate.short
            )
