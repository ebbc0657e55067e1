"""Stories played through a lane on real Postgres, and what their rows should be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord

from projections.decoding import decode_batch
from projections.definition import Recorded, fold
from projections.definition_places import Place
from projections.figures.days import india_day
from projections.instants import remember_instants
from projections.lane import Lane
from projections.positions import Position
from projections.reference_book import ReferenceBook, Version
from projections.tables import FIGURE_TABLES
from stream.batches import LogRecord, RecordBatch
from stream.codec import content_sha256, decode_event, decode_reference, encode_reference
from stream.keyring import KeyRing
from stream.reference import posted_reference
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.histories import START, make_record

TODAY = india_day(START)

TALLIES_WRONG = """
WITH told AS (
    SELECT scope, place, item_no, partition,
           count(*) FILTER (WHERE tallied_as = 'out') AS items_out,
           count(*) FILTER (WHERE tallied_as = 'low') AS items_low,
           count(*) FILTER (WHERE tallied_as = 'ok') AS items_ok,
           count(*) FILTER (WHERE tallied_as = 'over') AS items_over,
           count(*) FILTER (WHERE tallied_as = 'unrated') AS items_unrated,
           count(*) FILTER (WHERE tallied_as = 'unknown') AS items_unknown,
           sum(state.expiring_paise) AS expiring_paise
    FROM item_state AS state JOIN facility_state AS facility USING (facility_no)
    CROSS JOIN LATERAL (
        VALUES ('district', district_id), ('level', level)) AS place (scope, place)
    WHERE place IS NOT NULL AND (tallied_as IS NOT NULL OR state.expiring_paise <> 0)
    GROUP BY scope, place, item_no, partition
), kept AS (
    SELECT * FROM item_tally WHERE items_out + items_low + items_ok + items_over + items_unrated
                                   + items_unknown <> 0 OR expiring_paise <> 0
)
(TABLE told EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE told)
"""


# What other stories registered would be on this one's essential list, and their days would begin.
FORGET_OTHERS = """
TRUNCATE facility_record, item_record, norm_record, closure_record, recall_record,
         facility_state, item_state, item_tally
"""


@dataclass(frozen=True)
class Story:
    """Steps: a batch of events, some reference records, or a day that has begun."""

    steps: Sequence[tuple[str, Any]]


class Figures:
    """A lane on real Postgres, and the rows of one facility after a story."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.runner = asyncio.Runner()
        self.url, self.keys = url, keys
        self.facilities = 0
        self.today = TODAY
        self.events: list[LogRecord] = []
        """Of the last story."""
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.connection = await asyncpg.connect(
            self.url, server_settings={"search_path": "model_1"}
        )
        await remember_instants(self.connection)
        self.lane = Lane(self.connection, model=1, live=True, partitions=1, max_lines=6000)
        for topic in (STOCK_EVENTS, REFERENCE):
            await self.connection.execute(
                "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", topic
            )
            self.lane.positions[topic, 0] = Position(topic, 0, 0, 1, None, None, b"")

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()

    def play(self, story: Story) -> tuple[Place, dict[str, Any]]:
        self.facilities += 1
        facility_id = f"F-{self.facilities}"
        self.today = TODAY
        for position in self.lane.positions.values():
            position.recorded_at = None  # each story has its own clock
        self.lane.forget_days()
        self.runner.run(self.connection.execute(FORGET_OTHERS))
        events: list[LogRecord] = []
        references: list[LogRecord] = []
        for kind, content in story.steps:
            if kind == "day":
                self.today = max(self.today, TODAY + timedelta(days=content))
                self.settle()
            elif kind == "events":
                events += self._deliver(
                    STOCK_EVENTS, [_named(body, facility_id) for body in content]
                )
            else:
                references += self._deliver(
                    REFERENCE, [_named(body, facility_id) for body in content]
                )
        self.events = events
        return self._place(facility_id, events, references), self.rows(facility_id)

    def settle(self) -> None:
        async def work() -> None:
            while await self.lane.keep_figures():
                pass

        self.runner.run(work())

    def rows(self, facility_id: str) -> dict[str, Any]:
        return self.runner.run(self._rows(facility_id))

    async def _rows(self, facility_id: str) -> dict[str, Any]:
        async with self.connection.transaction():
            number = await self.connection.fetchval(
                "SELECT facility_no FROM facility_number WHERE facility_id = $1", facility_id
            )
            return {
                table.name: {
                    key: values async for key, values in table.rows(self.connection, [number])
                }
                for table in FIGURE_TABLES
            }

    def find_wrong_tallies(self) -> list[Any]:
        return self.runner.run(self.connection.fetch(TALLIES_WRONG))

    def _deliver(self, topic: str, bodies: list[dict[str, Any]]) -> list[LogRecord]:
        first = self.lane.positions[topic, 0].next_offset
        made = [self._record(topic, body, offset) for offset, body in enumerate(bodies, first)]
        self.runner.run(self.lane.project([decode_batch(RecordBatch(topic, 0, 1, made))]))
        return made

    def _record(self, topic: str, body: dict[str, Any], offset: int) -> LogRecord:
        if topic == STOCK_EVENTS:
            outgoing = make_record(body, offset=offset, keys=self.keys)
            key, value, headers = outgoing.key, outgoing.value, outgoing.headers
        else:
            posted = posted_reference.validate_python(
                {name: value for name, value in body.items() if value is not None}
            )
            sent = encode_reference(posted, recorded_by="test", source="api")
            key, value, headers = sent.key, sent.value, sent.headers
        at = START + (self.today - TODAY) + timedelta(milliseconds=offset)
        return ConsumerRecord(
            topic=topic,
            partition=0,
            offset=offset,
            timestamp=int(at.timestamp() * 1000),
            timestamp_type=1,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=headers,
        )

    def _place(
        self, facility_id: str, events: list[LogRecord], references: list[LogRecord]
    ) -> Place:
        position = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
        known = [
            Recorded(
                decode_event(record.key, record.value, record.headers),
                content_sha256(record.headers),
                position.advance(record),
                record.offset,
            )
            for record in events
        ]
        position = Position(REFERENCE, 0, 0, 1, None, None, b"")
        versions = [_version(record, position.advance(record)) for record in references]
        return Place(facility_id, 0, self.today, fold(known), ReferenceBook.of(versions))


def _version(record: LogRecord, recorded_at: datetime) -> Version:
    reference = decode_reference(record.key, record.value, record.headers)
    return Version(getattr(reference, "valid_from", None) or recorded_at, record.offset, reference)


def _named(body: Any, facility_id: str) -> Any:
    """With ids of its own, so that no story touches another's facility or items."""
    if isinstance(body, dict):
        named = {key: _named(value, facility_id) for key, value in body.items()}
        if body.get("item_id") in ("paracetamol", "ors"):
            named["item_id"] = f"{body['item_id']}-{facility_id}"
        return named | (
            {} if "kind" in body or "type" not in body else {"facility_id": facility_id}
        )
    if isinstance(body, list):
        return [_named(each, facility_id) for each in body]
    return body.replace("{f}", facility_id) if isinstance(body, str) else body


def list_differences(rows: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [
        f"{table} {key}: {rows[table].get(key)}, not {expected[table].get(key)}"
        for table in expected
        for key in rows[table].keys() | expected[table].keys()
        if rows[table].get(key) != expected[table].get(key)
    ]
