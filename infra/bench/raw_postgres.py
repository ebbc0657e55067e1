"""Baseline: the same rows into the same tables with the same indexes, by Postgres alone.

One connection; one set-based statement a transaction of 6,000 lines: the event's identity, the
ledger lines, the cards. The arrays are made before the clock starts. No Kafka, no decoding, no
folding, no positions.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from time import perf_counter
from typing import Any, Final

from infra.bench.preload import chunks, encode
from infra.bench.rows import RowMaker
from infra.bench.stack import PARTITIONS, BenchStack
from stream.codec import OutgoingRecord, content_sha256

EVENTS_A_TRANSACTION: Final = 2_000
PREPARED: Final = 50_000
"""Events whose arrays are made at a time, so that memory is bounded."""

WRITE: Final = """
WITH fresh AS (
    INSERT INTO event (facility_no, event_id, type, occurred_at, recorded_at, partition,
                       log_offset, content_sha256, body)
    SELECT * FROM unnest($1::int[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[],
                         $6::int[], $7::bigint[], $8::bytea[], $9::jsonb[])
    ON CONFLICT DO NOTHING RETURNING 1
), line AS (
    INSERT INTO ledger_entry (facility_no, item_no, lot, occurred_at, event_id, line_no, is_count,
                              quantity, balance, recorded_at)
    SELECT * FROM unnest($10::int[], $11::int[], $12::text[], $13::timestamptz[], $14::uuid[],
                         $15::smallint[], $16::bool[], $17::bigint[], $18::bigint[],
                         $19::timestamptz[])
    ON CONFLICT DO NOTHING
    RETURNING facility_no, item_no, lot, quantity, occurred_at, event_id, line_no
)
INSERT INTO card (facility_no, item_no, lot, on_hand, occurred_at, event_id, line_no)
SELECT facility_no, item_no, lot, sum(quantity), max(occurred_at), (array_agg(event_id))[1],
       max(line_no)
FROM line GROUP BY facility_no, item_no, lot
ON CONFLICT (facility_no, item_no, lot) DO UPDATE
SET on_hand = card.on_hand + excluded.on_hand,
    occurred_at = greatest(card.occurred_at, excluded.occurred_at),
    event_id = excluded.event_id, line_no = excluded.line_no
"""

Columns = list[tuple[Any, ...]]


async def measure(stack: BenchStack, events: Iterable[dict[str, Any]]) -> float:
    """Lines a second, over the statements alone."""
    connection = await stack.connect(jit="off", work_mem="64MB")
    maker, lines, seconds = RowMaker(), 0, 0.0
    try:
        for prepared in chunks(encode(events, stack.folder, partitions=PARTITIONS), PREPARED):
            transactions = list(_transactions(maker, prepared))
            began = perf_counter()
            for columns in transactions:
                await connection.execute(WRITE, *columns)
            seconds += perf_counter() - began
            lines += sum(len(columns[-1]) for columns in transactions)
    finally:
        await connection.close()
    return lines / seconds


def _transactions(maker: RowMaker, records: list[OutgoingRecord]) -> Iterable[Columns]:
    now = datetime.now(UTC)
    for chunk in chunks(records, EVENTS_A_TRANSACTION):
        made = [
            maker.make(record.value, content_sha256(record.headers), now, record.partition, offset)
            for offset, record in enumerate(chunk)
        ]
        yield [
            *zip(*(event for event, _ in made), strict=True),
            *zip(*chain.from_iterable(lines for _, lines in made), strict=True),
        ]
