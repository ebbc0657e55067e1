"""A facility that sends very much at once: the worker takes it in transactions of the usual size.

Broken on purpose once, to see this test fail: batches that are applied as large as they are fetched
(the worker computed for so long between two statements that Postgres ended its transaction).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream.appending import Appended
from stream.keyring import KeyRing
from stream.log import EventLog
from tests.log_reading import Database, log_ends, projected
from tests.pharmacy import Event, encode, event_id
from tests.stack import PARTITIONS, Stack
from tests.waiting import until
from tests.workers import running_worker

EVENTS, LINES = 1000, 200
"""As much as a worker fetches at a time, of the largest events."""

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


def stocktaking() -> Iterator[Event]:
    """A store that enters all of its shelves, item by item and lot by lot."""
    for number in range(EVENTS):
        yield {
            "event_id": event_id("STORE", number, seed=0),
            "facility_id": "STORE",
            "type": "stock_received",
            "occurred_at": (BEGAN + timedelta(minutes=number)).isoformat(),
            "lines": [
                {"item_id": f"item-{line}", "lot": f"L{number % 20}", "quantity": 1 + line}
                for line in range(LINES)
            ],
        }


@pytest.mark.timeout(300)
async def test_much_at_once_is_projected_piece_by_piece(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    await append(stack, tmp_path)
    ends = await log_ends(stack.kafka_settings)
    with running_worker(stack, tmp_path / "worker.log") as worker:

        async def at_the_end() -> bool:
            assert worker.process.poll() is None, worker.said
            return await projected(database) == ends

        await until(at_the_end, "all is projected", 240)
    assert await database.fetchval("SELECT count(*) FROM ledger_entry") == EVENTS * LINES
    assert await database.fetchval("SELECT count(*) FROM dead_letter") == 0


async def append(stack: Stack, folder: Path) -> None:
    keys = KeyRing(folder / "keys.json", "RJ")
    log = EventLog(stack.kafka_settings)
    await log.start()
    answers = await log.append([encode(event, keys, PARTITIONS) for event in stocktaking()])
    await log.stop()
    assert all(isinstance(answer, Appended) for answer in answers)
