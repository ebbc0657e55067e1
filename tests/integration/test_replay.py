"""What our code failed to apply is replayed or discarded, and no row tells when that was."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from projections import lane as lane_module
from projections.arrivals import Arrival
from projections.decisions import Place
from projections.decoding import decode_batch
from projections.definition import Recorded, fold
from projections.definition_rows import list_rows
from projections.failures import Failures
from projections.lane import Lane
from projections.ledger import Outcome, project_events
from projections.positions import Position
from projections.tables import FACILITY_TABLES
from stream.batches import LogRecord, RecordBatch
from stream.codec import content_sha256, decode_event
from stream.keyring import KeyRing
from stream.reference import Decision, LetterKind
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.decisions import decision_record
from tests.histories import Delivery, deliveries, make_record
from tests.stack import Stack
from tests.thoroughness import examples

FATES: Mapping[str, Sequence[Decision]] = {
    "fine": (),
    "open": (),
    "replayed": ("replayed",),
    "discarded": ("discarded",),
    "tried in vain, then discarded": ("replayed", "discarded"),
    "discarded, then replayed": ("discarded", "replayed"),
}
MENDED_AFTER = {"replayed": 1, "discarded, then replayed": 2}
"""So many decisions, of those that end well."""


class Partition:
    """A lane on real Postgres whose code fails on chosen records."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.failing: set[int] = set()
        self._runner = asyncio.Runner()
        self._keys = keys
        self._next = {STOCK_EVENTS: 0, REFERENCE: 0}
        self._facilities = 0
        self._runner.run(self._open(url))

    async def _open(self, url: str) -> None:
        self._connection = await asyncpg.connect(url, server_settings={"search_path": "model_1"})
        self.lane = Lane(self._connection, model=1, live=True, partitions=1, max_lines=6000)
        for topic in self._next:
            await self._connection.execute(
                "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", topic
            )
            self.lane.positions[topic, 0] = Position(topic, 0, 0, 1, None, None, b"")

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    async def project_events(
        self, connection: Any, arrivals: Sequence[Arrival], item_nos: Mapping[str, int]
    ) -> Outcome:
        outcome = await project_events(connection, arrivals, item_nos)
        if any(arrival.record.offset in self.failing for arrival in arrivals):
            raise ValueError("the program is at fault")
        return outcome

    def make(self, delivery: Delivery) -> tuple[str, list[list[LogRecord]]]:
        """The records of a history at a facility of its own, in batches."""
        self._facilities += 1
        facility_id = f"PHC-{self._facilities}"
        return facility_id, [
            [
                make_record(
                    body | {"facility_id": facility_id},
                    offset=self._advance(STOCK_EVENTS),
                    keys=self._keys,
                )
                for body in batch
            ]
            for batch in delivery.batches()
        ]

    def decide(self, offset: int, decision: Decision, follows: int | None) -> int:
        """Record a decision about a record and have it worked off; returns its offset."""
        decided_offset = self._advance(REFERENCE)
        place = (STOCK_EVENTS, 0, offset)
        self.project(
            [decision_record(place, decision, decided_offset=decided_offset, follows=follows)]
        )
        self._runner.run(self.lane.replay())
        return decided_offset

    def project(self, records: list[LogRecord]) -> None:
        self.lane.failures = Failures()
        batch = decode_batch(RecordBatch(records[0].topic, 0, 1, records))
        self._runner.run(self.lane.project([batch]))

    def rows(self, facility_id: str) -> dict[str, Any]:
        return self._runner.run(self._rows(facility_id))

    async def _rows(self, facility_id: str) -> dict[str, Any]:
        number = await self._connection.fetchval(
            "SELECT facility_no FROM facility_number WHERE facility_id = $1", facility_id
        )
        async with self._connection.transaction():
            rows: dict[str, Any] = {
                table.name: {
                    key: values async for key, values in table.rows(self._connection, [number])
                }
                for table in FACILITY_TABLES
            }
        letters = await self._connection.fetch(
            "SELECT log_offset, kind FROM dead_letter WHERE facility_id = $1", facility_id
        )
        return rows | {"letters": dict(map(tuple, letters))}

    def _advance(self, topic: str) -> int:
        self._next[topic] += 1
        return self._next[topic] - 1


@pytest.fixture(scope="module")
def partition(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partition]:
    asyncio.run(running.reset_database())
    keys = KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ")
    partition = Partition(running.database_url, keys)
    # captured: writing out a traceback with all values takes longer than all the rest
    with pytest.MonkeyPatch.context() as patch, capture_logs():
        patch.setattr(lane_module, "project_events", partition.project_events)
        yield partition
    partition.close()


def expected_rows(records: list[LogRecord], aside: dict[int, LetterKind]) -> dict[str, Any]:
    position = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
    known = [
        Recorded(
            decode_event(record.key, record.value, record.headers),
            content_sha256(record.headers),
            position.advance(record),
            record.offset,
            body=record.value or b"",
            set_aside=record.offset in aside,
        )
        for record in records
    ]
    ledger = fold(known)
    conflicts = {record.log_offset: "conflict" for record in ledger.conflicts}
    return list_rows(ledger) | {"letters": conflicts | aside}


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    delivery=deliveries(),
    fates=st.lists(st.sampled_from(["fine", "fine", *FATES]), min_size=14, max_size=14),
    order=st.randoms(use_true_random=False),
)
@pytest.mark.timeout(300)
def test_replaying_and_discarding_in_any_order(
    partition: Partition, delivery: Delivery, fates: list[str], order: Any
) -> None:
    facility_id, batches = partition.make(delivery)
    records = [record for batch in batches for record in batch]
    fate_of = {record.offset: fates[index] for index, record in enumerate(records)}
    partition.failing = {offset for offset, fate in fate_of.items() if fate != "fine"}
    for batch in batches:
        partition.project(batch)
    decided = [(offset, fate) for offset, fate in fate_of.items() if FATES[fate]]
    order.shuffle(decided)
    for offset, fate in decided:
        follows = None
        for number, decision in enumerate(FATES[fate], 1):
            if MENDED_AFTER.get(fate) == number:
                partition.failing.discard(offset)
            follows = partition.decide(offset, decision, follows)
    aside: dict[int, LetterKind] = dict.fromkeys(partition.failing, "failed")
    assert partition.rows(facility_id) == expected_rows(records, aside)

    # the same log once more, by code that is mended, which knows the decisions beforehand
    facility_id, batches = partition.make(delivery)
    records = [record for batch in batches for record in batch]
    discarded = {
        record.offset
        for index, record in enumerate(records)
        if FATES[fates[index]][-1:] == ("discarded",)
    }
    apart: dict[Place, LetterKind] = {(STOCK_EVENTS, 0, offset): "failed" for offset in discarded}
    partition.failing, partition.lane.discarded = set(), apart
    for batch in batches:
        partition.project(batch)
    aside = dict.fromkeys(discarded, "failed")
    assert partition.rows(facility_id) == expected_rows(records, aside)
