"""The figures' rows equal their definition, whatever comes when, over days and changed records."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from projections import lane as lane_module
from projections.decoding import decode_batch
from projections.definition import Recorded, fold
from projections.definition_figures import Place, list_figures
from projections.figures.days import india_day
from projections.lane import Lane
from projections.positions import Position
from projections.reference_book import ReferenceBook, Version
from projections.tables import FIGURE_TABLES
from stream.batches import LogRecord, RecordBatch
from stream.codec import content_sha256, decode_event, decode_reference, encode_reference
from stream.keyring import KeyRing
from stream.reference import posted_reference
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.histories import START, Delivery, deliveries, make_record
from tests.stack import Stack
from tests.thoroughness import examples

TODAY = india_day(START)
DISTRICTS = ("D-ONE", "D-TWO")

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
    WHERE tallied_as IS NOT NULL GROUP BY scope, place, item_no, partition
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


@st.composite
def reference_records(draw: st.DrawFn) -> dict[str, Any]:
    """Of the facility `{f}` and its items; {f} is set in when it is delivered."""
    hours = draw(st.integers(-30, 40)) * 24 + draw(st.integers(0, 23))
    valid_from = draw(st.none() | st.just((START + timedelta(hours=hours)).isoformat()))
    kind = draw(st.sampled_from(["facility", "facility", "item", "item", "norm", "closure"]))
    kind = draw(st.sampled_from([kind, kind, "recall"]))
    item = draw(st.sampled_from(["paracetamol-{f}", "ors-{f}"]))
    body: dict[str, Any] = {"kind": kind, "valid_from": valid_from}
    match kind:
        case "facility":
            body |= {
                "facility_id": "{f}",
                "name": "Kotra",
                "level": draw(st.sampled_from(["PHC", "CHC", "STORE"])),
                "district_id": draw(st.sampled_from(DISTRICTS)),
                "state": "Rajasthan",
                "closed_weekdays": draw(st.none() | st.just([]) | st.just(["monday", "friday"])),
            }
        case "item":
            body |= {
                "item_id": item,
                "name": "Item",
                "base_unit": "tablet",
                "levels": draw(st.none() | st.just(["PHC"]) | st.just(["PHC", "CHC", "STORE"])),
                "unit_cost_paise": draw(st.none() | st.sampled_from([0, 45])),
            }
        case "norm":
            of_facility = draw(st.booleans())
            body |= {
                "norm_id": draw(st.sampled_from(["N1-{f}", "N2-{f}"])),
                "item_id": None if of_facility and draw(st.booleans()) else item,
                "facility_id": "{f}" if of_facility else None,
                "level": None if of_facility else draw(st.none() | st.just("PHC")),
                "lead_time_days": draw(st.integers(0, 20)),
                "safety_days": draw(st.integers(0, 20)),
                "review_days": draw(st.integers(1, 30)),
                "window_days": draw(st.sampled_from([14, 30])),
                "withdrawn": draw(st.sampled_from([False, False, False, True])),
            }
        case "closure":
            first = TODAY + timedelta(days=draw(st.integers(-10, 30)))
            body |= {
                "closure_id": draw(st.sampled_from(["C1-{f}", "C2-{f}"])),
                "facility_id": "{f}",
                "first_day": first.isoformat(),
                "last_day": (first + timedelta(days=draw(st.integers(0, 20)))).isoformat(),
                "reason": "flood",
                "withdrawn": draw(st.sampled_from([False, False, True])),
            }
        case "recall":
            body |= {
                "recall_id": "R1-{f}",
                "item_id": item,
                "lot": draw(st.sampled_from(["A1", "a-1", "A2"])),
                "reason": "failed assay",
                "lifted": draw(st.sampled_from([False, False, True])),
            }
    return body


@st.composite
def stories(draw: st.DrawFn) -> Story:
    delivery: Delivery = draw(deliveries())
    stretch = draw(st.sampled_from([timedelta(hours=1), timedelta(hours=9), timedelta(days=6)]))
    short_by = draw(st.integers(0, 3))
    steps: list[tuple[str, Any]] = [
        ("events", [_stretched(event, stretch, short_by) for event in batch])
        for batch in delivery.batches()
    ]
    for records in draw(
        st.lists(st.lists(reference_records(), min_size=1, max_size=4), max_size=4)
    ):
        steps.insert(draw(st.integers(0, len(steps))), ("reference", records))
    for days in draw(st.lists(st.integers(0, 20), max_size=2)):
        steps.insert(draw(st.integers(0, len(steps))), ("day", days))
    return Story([*steps, ("day", draw(st.sampled_from([0, 1, 5, 45])))])


def _stretched(event: dict[str, Any], stretch: timedelta, short_by: int) -> dict[str, Any]:
    hours = (datetime.fromisoformat(event["occurred_at"]) - START) / timedelta(hours=1)
    moved = event | {"occurred_at": (START + hours * stretch).isoformat()}
    if event["type"] == "medicine_dispensed":
        moved["lines"] = [
            line | {"prescribed": line["quantity"] + short_by} for line in event["lines"]
        ]
    return moved


class Figures:
    """A lane on real Postgres, and the rows of one facility after a story."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self.runner = asyncio.Runner()
        self.url, self.keys = url, keys
        self.facilities = 0
        self.today = TODAY
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.connection = await asyncpg.connect(
            self.url, server_settings={"search_path": "model_1"}
        )
        self.lane = Lane(self.connection, model=1, live=True, max_lines=6000)
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
        return self._place(facility_id, events, references), self.rows(facility_id)

    def settle(self) -> None:
        async def work() -> None:
            while await self.lane.keep_figures(1):
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


def _differences(rows: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [
        f"{table} {key}: {rows[table].get(key)}, not {expected[table].get(key)}"
        for table in expected
        for key in rows[table].keys() | expected[table].keys()
        if rows[table].get(key) != expected[table].get(key)
    ]


@pytest.fixture(scope="module")
def figures(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Figures]:
    asyncio.run(running.reset_database())
    keys = KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", "RJ")
    figures = Figures(running.database_url, keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lane_module, "india_today", lambda: figures.today)
        yield figures
    figures.close()


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories())
@pytest.mark.timeout(300)
def test_figures_equal_the_definition(figures: Figures, story: Story) -> None:
    place, rows = figures.play(story)
    if rows["facility_state"]:
        note("\n".join(str(step) for step in story.steps))
        wrong = _differences(rows, list_figures(place))
        assert not wrong, "\n".join(wrong)
    assert figures.find_wrong_tallies() == []
