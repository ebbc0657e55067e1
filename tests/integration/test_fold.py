"""The rows in Postgres equal the definition's, whatever the order, batching, repetition and crash.

Broken on purpose once, to see it fail: positions moved in a transaction of their own, before the
rows.
"""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest
from aiokafka import TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.decoding import decode_batch
from projections.definition import Card, CardBalance, Ledger, LedgerEntry, Recorded, fold
from projections.lane import Lane
from projections.ledger import Outcome, project_events
from projections.positions import Position, claim_positions
from stream.batches import LogRecord, RecordBatch
from stream.codec import content_sha256, decode_event
from stream.keyring import KeyRing
from stream.topics import STOCK_EVENTS
from tests.histories import Delivery, deliveries, make_record
from tests.stack import Stack
from tests.thoroughness import examples


class Projection:
    """A lane on real Postgres, and the read model's rows as the definition gives them."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.runner = asyncio.Runner()
        self.url, self.keys = url, keys
        self.next_offset = 0
        self.facilities = 0
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.connection = await asyncpg.connect(
            self.url, server_settings={"search_path": "model_1"}
        )
        self.lane = Lane(self.connection, model=1, live=True, partitions=1, max_lines=6000)
        (position,) = await claim_positions(self.connection, [TopicPartition(STOCK_EVENTS, 0)])
        self.lane.positions[STOCK_EVENTS, 0] = position
        self.epoch = position.epoch

    async def _crash(self, batch: RecordBatch) -> None:
        """The connection is lost once the rows are written, and not committed."""

        async def project_and_lose(*arguments: Any) -> Outcome:
            outcome = await project_events(*arguments)
            self.connection.terminate()
            return outcome

        with (
            patch("projections.lane.project_events", project_and_lose),
            pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresConnectionError)),
        ):
            await self.lane.project([decode_batch(batch)])
        await self._open()

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()

    def deliver(self, delivery: Delivery, crash: int | None = None) -> tuple[list[LogRecord], str]:
        """Project a history at a facility of its own; returns its records and facility_id.

        In the batch of number `crash` the worker is lost, and another takes its place.
        """
        self.facilities += 1
        facility_id = f"PHC-{self.facilities}"
        records: list[LogRecord] = []
        for number, batch in enumerate(delivery.batches()):
            made = [
                make_record(body | {"facility_id": facility_id}, offset=offset, keys=self.keys)
                for offset, body in enumerate(batch, self.next_offset)
            ]
            self.next_offset += len(made)
            records += made
            if number == crash:
                self.runner.run(self._crash(RecordBatch(STOCK_EVENTS, 0, self.epoch, made)))
            decoded = decode_batch(RecordBatch(STOCK_EVENTS, 0, self.epoch, made))
            self.runner.run(self.lane.project([decoded]))
        return records, facility_id

    def rows(self, facility_id: str) -> dict[str, Any]:
        return self.runner.run(self._rows(facility_id))

    async def _rows(self, facility_id: str) -> dict[str, Any]:
        number = await self.connection.fetchval(
            "SELECT facility_no FROM facility_number WHERE facility_id = $1", facility_id
        )
        events = await self.connection.fetch(
            "SELECT event_id::text, log_offset, reversed_at FROM event WHERE facility_no = $1",
            number,
        )
        entries = await self.connection.fetch(
            "SELECT item_id, lot, occurred_at, event_id::text, line_no, is_count, quantity,"
            " balance, recorded_at, reversed_at, expiry, settled_at"
            " FROM ledger_entry JOIN item_number USING (item_no) WHERE facility_no = $1"
            " ORDER BY item_id, lot, occurred_at, event_id, line_no",
            number,
        )
        cards = await self.connection.fetch(
            "SELECT item_id, lot, on_hand, expiry, occurred_at, event_id::text, line_no"
            " FROM card JOIN item_number USING (item_no) WHERE facility_no = $1",
            number,
        )
        by_card: dict[Card, list[LedgerEntry]] = {}
        for item_id, lot, *entry in entries:
            by_card.setdefault(Card(facility_id, item_id, lot), []).append(LedgerEntry(*entry))
        return {
            "events": {row["event_id"]: (row["log_offset"], row["reversed_at"]) for row in events},
            "entries": by_card,
            "cards": {
                Card(facility_id, item_id, lot): (CardBalance(on_hand, expiry), last)
                for item_id, lot, on_hand, expiry, *last in cards
            },
            "conflicts": {
                row["log_offset"]
                for row in await self.connection.fetch(
                    "SELECT log_offset FROM dead_letter"
                    " WHERE kind = 'conflict' AND facility_id = $1",
                    facility_id,
                )
            },
        }


@pytest.fixture(scope="module")
def projection(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projection]:
    asyncio.run(running.reset_database())
    keys = KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ")
    projection = Projection(running.database_url, keys)
    yield projection
    projection.close()


def recorded(records: list[LogRecord]) -> list[Recorded]:
    position = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
    return [
        Recorded(
            decode_event(record.key, record.value, record.headers),
            content_sha256(record.headers),
            position.advance(record),
            record.offset,
        )
        for record in records
    ]


def expected_rows(records: list[Recorded], ledger: Ledger) -> dict[str, Any]:
    return {
        "events": {
            event_id: (record.log_offset, ledger.reversed_at.get((facility_id, event_id)))
            for (facility_id, event_id), record in ledger.events.items()
        },
        "entries": ledger.entries,
        "cards": {
            card: (
                state,
                [
                    ledger.entries[card][-1].occurred_at,
                    ledger.entries[card][-1].event_id,
                    ledger.entries[card][-1].line_no,
                ],
            )
            for card, state in ledger.cards.items()
        },
        "conflicts": {
            record.log_offset
            for record in records
            if ledger.events[record.event.facility_id, record.event.event_id].content_sha256
            != record.content_sha256
        },
    }


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(delivery=deliveries(), crash=st.none() | st.integers(0, 5))
@pytest.mark.timeout(300)
def test_rows_equal_the_definition(
    projection: Projection, delivery: Delivery, crash: int | None
) -> None:
    records, facility_id = projection.deliver(delivery, crash)
    known = recorded(records)
    assert projection.rows(facility_id) == expected_rows(known, fold(known))
