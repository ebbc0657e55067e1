"""A story told to the real projector and the real rules, step by step, at instants of its own."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from aiokafka import ConsumerRecord

from alerts.difference import Damping, Finding, find_differences
from alerts.rules import RULES
from alerts.scopes import Scope, all_districts, all_of_partition
from projections import lane as lane_module
from projections.decoding import decode_batch
from projections.figures.days import india_day
from projections.lane import Lane
from projections.positions import Position
from stream.alerts import DraftAlertEvent, Subject
from stream.batches import LogRecord, RecordBatch
from stream.codec import OutgoingRecord, encode_reference
from stream.keyring import KeyRing
from stream.reference import posted_reference
from stream.topics import TOPICS
from tests.alert_facts import encode_alert
from tests.log_reading import Database
from tests.pharmacy import encode
from tests.stack import Stack

INDIA = ZoneInfo("Asia/Kolkata")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=INDIA)
FACILITY = "PHC-1"


class Line(NamedTuple):
    """An open alert, as a test writes it down."""

    rule: str
    place: str
    item_id: str | None
    severity: str


class Timeline:
    """One partition, one lane, from `first` on. `now` is the clock of everything."""

    def __init__(self, connection: Database, keys: KeyRing, first: datetime = MONDAY) -> None:
        self.connection = connection
        self.first = first
        self.now = first.astimezone(UTC)
        self.damping = Damping()
        self.lane = Lane(connection, model=1, live=True, partitions=1, max_lines=6000)
        self._keys = keys
        self._number = 0

    async def open(self) -> None:
        for topic in TOPICS:
            await self.connection.execute(
                "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", topic
            )
            self.lane.positions[topic, 0] = Position(topic, 0, 0, 1, None, None, b"")

    def at(self, day: int, clock: str = "09:00") -> datetime:
        """So many days after the story's first, in India."""
        hour, minute = map(int, clock.split(":"))
        local = (self.first + timedelta(days=day)).replace(hour=hour, minute=minute)
        return local.astimezone(UTC)

    async def until(self, day: int, clock: str = "09:00") -> None:
        """Time goes on; what a new day changes is worked off."""
        self.now = max(self.now, self.at(day, clock))
        await self.settle()

    async def settle(self) -> None:
        while await self.lane.keep_figures():
            pass

    async def register(self, *records: dict[str, Any]) -> None:
        """And have their effect worked off."""
        await self.record(*records)
        await self.settle()

    async def record(self, *records: dict[str, Any]) -> None:
        await self.deliver(
            [
                encode_reference(
                    posted_reference.validate_python(record), recorded_by="test", source="api"
                )
                for record in records
            ]
        )

    async def post(self, *events: dict[str, Any]) -> list[str]:
        """Event ids; what an event doesn't say of itself is: at FACILITY, just now."""
        bodies = [self._complete(event) for event in events]
        await self.deliver([encode(body, self._keys, 1) for body in bodies])
        return [body["event_id"] for body in bodies]

    async def evaluate(self, scope: Scope | None = None) -> list[str]:
        """Look at everything, or at `scope`; what was found, as `rule place item: kind`."""
        scopes = [scope] if scope else [all_of_partition(0), all_districts()]
        findings = [finding for each in scopes async for finding in self._find(each)]
        await self.tell(findings)
        return [
            f"{each.rule} {_name(each.subject)}: {each.type.removeprefix('alert_')}"
            for each in findings
        ]

    async def find(self, scope: Scope | None = None) -> list[Finding]:
        """What would be found, told to nobody."""
        scopes = [scope] if scope else [all_of_partition(0), all_districts()]
        return [finding for each in scopes async for finding in self._find(each)]

    async def tell(self, facts: Iterable[DraftAlertEvent]) -> None:
        await self.deliver([encode_alert(fact, 1) for fact in facts])

    async def open_alerts(self, *rules: str) -> list[Line]:
        rows = await self.connection.fetch(
            "SELECT rule, place, item_id, severity FROM alert LEFT JOIN item_number USING (item_no)"
            " WHERE closed_at IS NULL AND (rule = ANY ($1::text[]) OR $1 = '{}')"
            " ORDER BY rule, place, item_id",
            list(rules),
        )
        return [Line(*row) for row in rows]

    async def alert(self, rule: str, ordinal: int = 1) -> dict[str, Any]:
        row = await self.connection.fetchrow(
            "SELECT * FROM alert WHERE rule = $1 AND ordinal = $2", rule, ordinal
        )
        assert row is not None
        return dict(row)

    async def history(self, rule: str) -> list[tuple[str, int, str]]:
        """(kind, ordinal, began_at in India) of all that was found, in order."""
        rows = await self.connection.fetch(
            "SELECT type, body -> 'ordinal', body ->> 'began_at' FROM alert_event"
            " WHERE body ->> 'rule' = $1 AND body ? 'ordinal' ORDER BY log_offset",
            rule,
        )
        return [
            (
                kind.removeprefix("alert_"),
                int(ordinal),
                datetime.fromisoformat(began_at).astimezone(INDIA).strftime("%d %H:%M"),
            )
            for kind, ordinal, began_at in rows
        ]

    async def deliver(self, outgoing: Sequence[OutgoingRecord]) -> None:
        """Project them as recorded now, in this order."""
        for topic in TOPICS:
            sent = [each for each in outgoing if each.topic == topic]
            first = self.lane.positions[topic, 0].next_offset
            records = [self._record(each, offset) for offset, each in enumerate(sent, first)]
            await self.lane.project([decode_batch(RecordBatch(topic, 0, 1, records))])

    async def _find(self, scope: Scope) -> AsyncIterator[Finding]:
        for rule in RULES.values():
            if rule.is_of_district is not scope.of_districts:
                continue
            async with self.connection.transaction(isolation="repeatable_read", readonly=True):
                async for finding in find_differences(
                    self.connection, [rule], scope, now=self.now, damping=self.damping
                ):
                    yield finding

    def _complete(self, event: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        event = {
            "event_id": str(UUID(int=self._number)),  # what is posted later comes later
            "facility_id": FACILITY,
            "occurred_at": self.now,
        } | event
        if isinstance(event["occurred_at"], datetime):
            event["occurred_at"] = event["occurred_at"].isoformat()
        return event

    def _record(self, outgoing: OutgoingRecord, offset: int) -> LogRecord:
        return ConsumerRecord(
            topic=outgoing.topic,
            partition=0,
            offset=offset,
            timestamp=int(self.now.timestamp() * 1000),
            timestamp_type=1,
            key=outgoing.key,
            value=outgoing.value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=outgoing.headers,
        )

    def today(self) -> Any:
        return india_day(self.now)


@asynccontextmanager
async def open_timeline(
    stack: Stack, folder: Path, patch: pytest.MonkeyPatch, first: datetime = MONDAY
) -> AsyncIterator[Timeline]:
    """On an emptied read model."""
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1", "timezone": "UTC"}
    )
    timeline = Timeline(connection, KeyRing(folder / "keys.json", "RJ"), first)
    patch.setattr(lane_module, "india_today", timeline.today)
    await timeline.open()
    yield timeline
    await connection.close()


def _name(subject: Subject) -> str:
    return " ".join(filter(None, [subject.place, subject.item_id, subject.lot]))


def facility(facility_id: str = FACILITY, **told: Any) -> dict[str, Any]:
    return {
        "kind": "facility",
        "facility_id": facility_id,
        "name": facility_id,
        "level": "PHC",
        "district_id": "ajmer",
        "state": "RJ",
    } | told


def item(item_id: str, ved: str | None = None, **told: Any) -> dict[str, Any]:
    record = {
        "kind": "item",
        "item_id": item_id,
        "name": item_id,
        "base_unit": "tablet",
        "levels": ["PHC"],
    } | told
    return record | ({"ved": ved} if ved else {})


def counted(complete: bool = True, /, **quantities: int) -> dict[str, Any]:
    return {
        "type": "stock_counted",
        "complete": complete,
        "lines": [
            {"item_id": item_id, "lot": "A1", "expiry": "2027-03", "counted": quantity}
            for item_id, quantity in quantities.items()
        ],
    }


def received(item_id: str, quantity: int, **line: Any) -> dict[str, Any]:
    lot = {"item_id": item_id, "lot": "A1", "expiry": "2027-03", "quantity": quantity}
    return {"type": "stock_received", "lines": [lot | line]}


def dispensed(item_id: str, quantity: int, **line: Any) -> dict[str, Any]:
    return {
        "type": "medicine_dispensed",
        "channel": "opd",
        "lines": [{"item_id": item_id, "lot": "A1", "quantity": quantity} | line],
    }


def reversal(event_id: str) -> dict[str, Any]:
    return {"type": "event_reversed", "reverses": event_id, "reason": "typed twice"}


def lines_of(found: Collection[str], rule: str) -> list[str]:
    """What was found by one rule."""
    return [each.removeprefix(f"{rule} ") for each in found if each.startswith(f"{rule} ")]
