"""What a lane does with records that come twice, late, from another age, or after a takeover.

Broken on purpose once, to see these tests fail: `Lane._step` without its check for holes, and
without skipping; `Lane._take` without the epoch.
"""

import pytest

from projections.decoding import decode_batch, decode_pieces
from projections.positions import Fenced, Position
from stream.errors import Corrupt
from stream.topics import STOCK_EVENTS
from tests.integration.projecting.one_lane import OneLane, assert_rows, some_events
from tests.log_reading import Database, projected
from tests.read_model import expected_rows, read_rows
from tests.records import Writer


async def test_repeated_records_are_skipped(
    one: OneLane, writer: Writer, database: Database
) -> None:
    records = [writer.event(event) for event in some_events(30)]
    await one.project(writer.batch(*records[:20]))
    await one.project(writer.batch(*records[:20]), writer.batch(*records[5:25]))
    await one.project(writer.batch(*records[25:]))
    await assert_rows(database, records, 30)
    once = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")
    for record in records:
        once.advance(record)
    assert await database.fetchval("SELECT chain_digest FROM position") == once.chain_digest


async def test_a_batch_is_taken_in_pieces(one: OneLane, writer: Writer, database: Database) -> None:
    records = [writer.event(event) for event in some_events(40)]
    batch = writer.batch(*records)
    pieces = list(decode_pieces(batch, 10))
    assert [item.record for piece in pieces for item in piece.items] == records
    assert all(10 <= piece.weight < 10 + 3 for piece in pieces[:-1])
    assert sum(piece.weight for piece in pieces) == decode_batch(batch).weight
    await one.lane.project(pieces)
    await assert_rows(database, records, 40)


async def test_a_hole_stops_it(one: OneLane, writer: Writer, database: Database) -> None:
    records = [writer.event(event) for event in some_events(10)]
    await one.project(writer.batch(*records[:3]))
    with pytest.raises(Corrupt, match=r"records 3 to 4 of partition 0 of stock-events are missing"):
        await one.project(writer.batch(*records[5:]))
    await assert_rows(database, records[:3], 3)


async def test_batches_of_another_claim_are_dropped(
    one: OneLane, writer: Writer, database: Database
) -> None:
    first, second = (writer.event(event) for event in some_events(2))
    writer.epoch = 2
    await one.project(writer.batch(first, second))
    await assert_rows(database, [], 0)
    writer.epoch = 1
    await one.project(writer.batch(first, second))
    await assert_rows(database, [first, second], 2)


@pytest.mark.parametrize("theft", ["epoch = 2", "next_offset = 1"])
async def test_a_position_moved_by_another_stops_it(
    one: OneLane, writer: Writer, database: Database, theft: str
) -> None:
    await database.execute(f"UPDATE position SET {theft}")
    before = await projected(database)
    with pytest.raises(Fenced):
        await one.project(writer.batch(writer.event(some_events(1)[0])))
    assert await read_rows(database) == expected_rows([])
    assert await projected(database) == before


async def test_a_model_that_is_no_longer_live_stops_it(
    one: OneLane, writer: Writer, database: Database
) -> None:
    await database.execute("UPDATE dawalog.live_model SET number = 2")
    with pytest.raises(Fenced, match="model 2 is live now"):
        await one.project(writer.batch(writer.event(some_events(1)[0])))
    await assert_rows(database, [], 0)
