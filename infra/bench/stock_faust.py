"""Baseline: what a user of Faust would write. `python -m infra.bench.stock_faust` is its worker.

An agent takes events by the thousand and writes the same rows with `executemany`, one transaction
a turn, over one connection. After each turn it prints how many events it has written, and when.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg
import faust
from faust.types import EventT

from infra.bench.rows import RowMaker
from infra.bench.stack import SCHEMA
from projections.settings import DatabaseSettings
from stream.settings import KafkaSettings
from stream.topics import STOCK_EVENTS

TAKE: Final = 2_000
WITHIN_SECONDS: Final = 0.5

WRITE_EVENT: Final = """
INSERT INTO event (facility_no, event_id, type, occurred_at, recorded_at, partition, log_offset,
                   content_sha256, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
"""
WRITE_LINE: Final = """
INSERT INTO ledger_entry (facility_no, item_no, lot, occurred_at, event_id, line_no, is_count,
                          quantity, balance, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
"""
WRITE_CARD: Final = """
INSERT INTO card (facility_no, item_no, lot, on_hand, occurred_at, event_id, line_no)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (facility_no, item_no, lot) DO UPDATE
SET on_hand = card.on_hand + excluded.on_hand,
    occurred_at = greatest(card.occurred_at, excluded.occurred_at),
    event_id = excluded.event_id, line_no = excluded.line_no
"""


class Ledger:
    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection
        self._maker = RowMaker()

    async def write(self, events: list[EventT[bytes]]) -> None:
        made = [self._rows_of(event) for event in events]
        lines = [line for _, lines in made for line in lines]
        cards = [(*line[:3], line[7], *line[3:6]) for line in lines]
        async with self._connection.transaction():
            await self._connection.executemany(WRITE_EVENT, [event for event, _ in made])
            await self._connection.executemany(WRITE_LINE, lines)
            await self._connection.executemany(WRITE_CARD, cards)

    def _rows_of(self, event: EventT[bytes]) -> Any:
        message = event.message
        recorded_at = datetime.fromtimestamp(message.timestamp, UTC)
        content = dict(message.headers or {})["content-sha256"]
        return self._maker.make(
            event.value, content, recorded_at, message.partition, message.offset
        )


def create_app(ledger: Ledger, folder: Path) -> faust.App:
    """The app with one agent; a group of its own, from the topic's beginning."""
    app = faust.App(
        f"stock-faust-{os.getpid()}",
        broker=f"kafka://{KafkaSettings().kafka_bootstrap_servers}",
        consumer_auto_offset_reset="earliest",
        datadir=folder,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    topic = app.topic(STOCK_EVENTS, value_type=bytes, value_serializer="raw")

    @app.agent(topic)
    async def project(events: Any) -> AsyncIterator[None]:
        written = 0
        async for taken in events.take_events(TAKE, within=WITHIN_SECONDS):
            await ledger.write(list(taken))
            written += len(taken)
            print(written, monotonic(), flush=True)
            yield

    return app


async def _work(folder: Path) -> None:
    connection = await asyncpg.connect(
        DatabaseSettings().database_url, server_settings={"search_path": SCHEMA, "jit": "off"}
    )
    app = create_app(Ledger(connection), folder)
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1])))
