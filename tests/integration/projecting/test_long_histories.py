"""What comes late to a long history: no transaction holds the event loop for as long as that is.

`pytest -s -m slow` does it with 200,000 entries and tells the times. Broken on purpose once, to see
these tests fail: all lots of an item looked up anew at every instant, and the zeros of a complete
count implied with those of all counts before it.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.bench.preload import chunks
from projections.decoding import decode_pieces
from projections.projector import PIECE_LINES
from tests.integration.projecting.one_lane import OneLane
from tests.log_reading import Database
from tests.pharmacy import Event, event_id
from tests.records import Writer

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
PIECES = 6
"""So many are merged into a transaction."""

LOOK_UPS = """
SELECT idx_scan FROM pg_stat_user_tables
WHERE schemaname = current_schema AND relname = 'ledger_entry'
"""


class Store:
    """A facility whose events are projected as a worker does it, timed."""

    def __init__(self, one: OneLane, writer: Writer) -> None:
        self._one = one
        self._writer = writer
        self._events = 0

    def happened(self, kind: str, minute: float, *lines: dict[str, Any], **of_kind: Any) -> Event:
        """An event so many minutes after the history began."""
        self._events += 1
        return {
            "event_id": event_id("STORE", self._events, seed=0),
            "facility_id": "STORE",
            "type": kind,
            "occurred_at": (BEGAN + timedelta(minutes=minute)).isoformat(),
            **({"lines": list(lines)} if lines else {}),
            **of_kind,
        }

    def history(self, entries: int, lots: int) -> Iterator[Event]:
        """An item comes and goes; with several lots, what goes is of the unrecorded one, too."""
        for number in range(entries):
            lot = f"L{number // 2 % lots}"
            if number % 2 == 0:
                yield self.happened("stock_received", number, line(lot, quantity=1))
            else:
                gone = line(None if lots > 1 and lot == "L0" else lot, quantity=1)
                yield self.happened("stock_issued", number, gone, to_kind="ward")

    async def project(self, what: str, *events: Event) -> float:
        """For how many seconds of processor time the event loop was held at most."""
        batch = self._writer.batch(*(self._writer.event(event) for event in events))
        held: list[float] = []
        watching = asyncio.create_task(watch(held))
        began = time.monotonic()
        for pieces in chunks(decode_pieces(batch, PIECE_LINES), PIECES):
            await self._one.lane.project(pieces)
        print(f"{what}: {time.monotonic() - began:.2f} s, the loop held for {max(held):.3f} s")
        watching.cancel()
        return max(held)


async def watch(held: list[float]) -> None:
    """Note for how long others ran."""
    while True:
        began = time.thread_time()
        await asyncio.sleep(0.001)
        held.append(time.thread_time() - began)


def line(lot: str | None = "L0", item_id: str = "ors", **of_kind: int) -> dict[str, Any]:
    return {"item_id": item_id, "lot": lot, **of_kind}


@pytest.fixture
def store(one: OneLane, writer: Writer) -> Store:
    return Store(one, writer)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("lots", "most_held"), [(1, 2e-6), (20, 10e-6)], ids=["plain", "charged"])
@pytest.mark.parametrize(
    "entries", [20_000, pytest.param(200_000, marks=pytest.mark.slow)], ids="{:,}".format
)
async def test_late_facts_before_many_entries(
    store: Store, database: Database, entries: int, lots: int, most_held: float
) -> None:
    """`most_held`: seconds an entry. Postgres ends a transaction that hears nothing of us for 5."""
    history = list(store.history(entries, lots))
    await store.project(f"{entries} entries", *history)
    assert await on_hand(database) == 0
    reversal = store.happened(
        "event_reversed", entries, reverses=history[0]["event_id"], reason="entered twice"
    )
    held = [await store.project("the reversal of the first event", reversal)]
    assert await on_hand(database) == -1
    count = store.happened("stock_counted", -1, line(counted=1_000))
    held.append(await store.project("a count before all", count))
    assert await on_hand(database) == 1_000 - 1
    late = [
        store.happened("stock_received", number / 1_000, line(quantity=1))
        for number in range(10_000)
    ]
    await store.project("10,000 late events", *late)
    assert await on_hand(database) == 11_000 - 1
    assert min(held) < entries * most_held  # what is held by a garbage collection is held once


async def on_hand(database: Database) -> int:
    """Of the item, by its cards and by its state."""
    by_cards = await database.fetchval("SELECT sum(on_hand) FROM card")
    assert await database.fetchval("SELECT sum(on_hand) FROM item_state") == by_cards
    return int(by_cards)


async def test_a_complete_count_costs_as_much_after_many(store: Store, database: Database) -> None:
    looks = []
    cards = [(f"L{number // 66}", f"item-{number % 66}") for number in range(198)]
    for day in range(20):
        counted = [line(*card, counted=100) for card in cards]
        before = await count_looks(database)
        count = store.happened("stock_counted", 1440 * day, *counted, complete=True)
        await store.project(f"count {day}", count)
        looks.append(await count_looks(database) - before)
    assert await database.fetchval("SELECT count(*) FROM ledger_entry") == 198 * 20
    print(looks)
    assert max(looks[1:]) < 2 * min(looks[1:])


async def count_looks(database: Database) -> int:
    """How often an index of the ledger was looked into."""
    await database.execute("SELECT pg_stat_force_next_flush()")
    return int(await database.fetchval(LOOK_UPS))
