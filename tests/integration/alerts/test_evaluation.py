"""When a worker evaluates: what it owns, what changed, and not what is projected late."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from alerts import appending
from alerts import evaluation as evaluation_module
from alerts.difference import Damping, find_differences
from alerts.evaluation import Evaluation, open_connection
from alerts.rules import RULES
from alerts.scopes import all_districts, touched
from alerts.settings import AlertSettings
from stream.codec import decode_alert_event
from stream.log import EventLog
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS
from tests.integration.alerts.timeline import (
    Timeline,
    counted,
    dispensed,
    facility,
    item,
    received,
)
from tests.log_reading import read_log
from tests.stack import Stack
from tests.waiting import until

PLACE = (STOCK_EVENTS, 0)


class Worker:
    """An evaluation on the timeline's rows and clock, and on a real log that nobody projects."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", log: EventLog, timeline: Timeline
    ) -> None:
        self.owned = {PLACE: 0, (REFERENCE, 0): 0}
        self.lags: dict[tuple[str, int], int] = {}
        self.evaluation = Evaluation(
            connection,
            log,
            AlertSettings(),
            news=asyncio.Event(),
            owned=lambda: self.owned,
            lags=lambda: self.lags,
            clock=lambda: timeline.now,
        )


@pytest.fixture
async def worker(
    stack: Stack, timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    monkeypatch.setattr(appending, "PROJECTED_WITHIN_SECONDS", 0.05)
    log = EventLog(stack.kafka_settings)
    await log.start()
    settings = AlertSettings(database_url=stack.database_url)
    async with open_connection(settings, 1) as connection:
        yield Worker(connection, log, timeline)
    await log.stop()


async def appended(stack: Stack) -> list[str]:
    events = [
        decode_alert_event(record.key, record.value, record.headers)
        for record in await read_log(stack.kafka_settings, ALERT_EVENTS)
    ]
    return [f"{event.rule} {event.subject.item_id}: {event.type}" for event in events]


async def begin(timeline: Timeline) -> None:
    await timeline.register(facility(), item("PCM", "V"), item("ORS", "V"))
    await timeline.post(counted(PCM=10, ORS=10))
    await timeline.until(0, "10:00")


async def test_what_changed_is_evaluated_at_once(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    await begin(timeline)
    await worker.evaluation.look()
    await timeline.post(dispensed("PCM", 10))
    await worker.evaluation.look()
    assert await appended(stack) == ["out_of_stock PCM: alert_opened"]
    await worker.evaluation.look()
    assert len(await appended(stack)) == 1  # nothing has happened since


async def test_what_is_another_workers_is_left_alone(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    await begin(timeline)
    worker.owned = {(STOCK_EVENTS, 1): 0}
    await worker.evaluation.look()
    await timeline.post(dispensed("PCM", 10))
    await worker.evaluation.look()
    await worker.evaluation.evaluate_all()
    assert await appended(stack) == []
    worker.owned = {PLACE: 0}  # taken over
    await worker.evaluation.evaluate_all()
    assert await appended(stack) == ["out_of_stock PCM: alert_opened"]


async def test_a_partition_that_is_late_is_evaluated_once_it_has_caught_up(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    await begin(timeline)
    await worker.evaluation.look()
    await timeline.post(dispensed("PCM", 10))
    worker.lags = {PLACE: 5}
    timeline.now += timedelta(seconds=61)
    await worker.evaluation.look()
    await worker.evaluation.evaluate_all()
    assert await appended(stack) == []
    worker.lags = {PLACE: 0}
    await worker.evaluation.evaluate_all()
    assert await appended(stack) == ["out_of_stock PCM: alert_opened"]


async def test_what_happened_while_much_was_waiting_is_found_after(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    await begin(timeline)
    await worker.evaluation.look()
    worker.lags = {PLACE: 1_000, (STOCK_EVENTS, 1): 1_001}
    await timeline.post(dispensed("PCM", 10))
    await worker.evaluation.look()
    await worker.evaluation.evaluate_all()
    assert await appended(stack) == []
    worker.lags = {PLACE: 5}
    await worker.evaluation.look()
    assert await appended(stack) == ["out_of_stock PCM: alert_opened"]


async def test_the_leader_looks_at_districts_whoever_owns_their_facilities(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    names = ["PHC-1", "PHC-2", "PHC-3"]
    await timeline.register(item("PCM", "V"), *map(facility, names))
    await timeline.post(*(counted(PCM=10) | {"facility_id": name} for name in names))
    worker.owned = {(REFERENCE, 0): 0}
    await worker.evaluation.look()
    await timeline.post(*(dispensed("PCM", 10) | {"facility_id": name} for name in names))
    await worker.evaluation.look()
    assert await appended(stack) == ["district_shortage PCM: alert_opened"]
    await timeline.tell(await timeline.find(all_districts()))
    await timeline.until(0, "11:00")
    await timeline.post(received("PCM", 10) | {"facility_id": "PHC-1"})
    await worker.evaluation.look()  # kept for an hour
    await timeline.until(0, "13:00")
    await timeline.post(received("PCM", 10) | {"facility_id": "PHC-1"})
    await worker.evaluation.look()
    assert (await appended(stack))[1:] == ["district_shortage PCM: alert_closed"]


async def test_a_look_asks_all_rules_at_once_and_finds_what_each_alone_would(
    timeline: Timeline,
) -> None:
    names = ["PHC-1", "PHC-2", "PHC-3"]
    await timeline.register(
        item("PCM", "V"),
        item("ORS", "V"),
        *map(facility, names),
        {"kind": "recall", "recall_id": "R1", "item_id": "ORS", "lot": "A1", "reason": "mould"},
    )
    await timeline.post(*(counted(PCM=10, ORS=10) | {"facility_id": name} for name in names[:2]))
    await timeline.post(dispensed("PCM", 10), dispensed("PCM", 12) | {"facility_id": "PHC-2"})
    await timeline.post(dispensed("ORS", 1) | {"facility_id": "PHC-3"})
    await timeline.until(9)
    await timeline.post(dispensed("PCM", 0, lot=None, prescribed=10))  # the others are silent
    rows = await timeline.connection.fetch("SELECT facility_no, item_no FROM item_state")
    scope = touched([(row["facility_no"], row["item_no"]) for row in rows])
    each = await timeline.find(scope)
    rules = [rule for rule in RULES.values() if not rule.is_of_district]
    async with timeline.connection.transaction(isolation="repeatable_read", readonly=True):
        together = [
            finding
            async for finding in find_differences(
                timeline.connection, rules, scope, now=timeline.now, damping=Damping()
            )
        ]
    assert {finding.event_id: finding for finding in together} == {
        finding.event_id: finding for finding in each
    }
    assert {finding.rule for finding in each} >= {
        "not_started",
        "out_of_stock",
        "negative_stock",
        "not_reporting",
        "recalled_stock",
    }


async def test_a_turn_in_pieces_leaves_nothing_out(
    stack: Stack, timeline: Timeline, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long rules take: each piece asks one at least, and looks come in between."""
    monkeypatch.setattr(evaluation_module, "PIECE_SECONDS", 1e-9)
    monkeypatch.setattr(evaluation_module, "LEAST_PAUSE_SECONDS", 0.0)
    await begin(timeline)
    await timeline.post(dispensed("PCM", 10))
    running = asyncio.create_task(worker.evaluation.run())

    async def found(number: int) -> bool:
        assert not running.done()
        return len(set(await appended(stack))) == number

    await until(lambda: found(1), "what happened before it ran was found")
    await timeline.post(dispensed("ORS", 10))
    await until(lambda: found(2), "what happened while it ran was found")
    running.cancel()
    await asyncio.wait([running])


async def test_found_twice_it_has_the_same_id(
    stack: Stack, timeline: Timeline, worker: Worker
) -> None:
    await begin(timeline)
    await timeline.post(dispensed("PCM", 10))
    await worker.evaluation.evaluate_all()
    await worker.evaluation.evaluate_all()  # as after a crash before it was projected
    records = await read_log(stack.kafka_settings, ALERT_EVENTS)
    events = [decode_alert_event(each.key, each.value, each.headers) for each in records]
    assert len(events) == 2
    assert len({(event.event_id, event.alert_id) for event in events}) == 1
