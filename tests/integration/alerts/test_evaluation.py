"""When a worker evaluates: what it owns, what changed, and not what is projected late."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from alerts import evaluation as evaluation_module
from alerts.evaluation import Evaluation, open_connection
from alerts.settings import AlertSettings
from stream.codec import decode_alert_event
from stream.log import EventLog
from stream.topics import ALERT_EVENTS, REFERENCE, STOCK_EVENTS
from tests.integration.alerts.timeline import Timeline, counted, dispensed, facility, item
from tests.log_reading import read_log
from tests.stack import Stack

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
    monkeypatch.setattr(evaluation_module, "PROJECTED_WITHIN_SECONDS", 0.05)
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
