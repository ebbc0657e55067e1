"""What a lane does with records that come twice, late, from another age, or are at fault.

Broken on purpose once, to see these tests fail: `Lane._step` without its check for holes, and
without skipping; `Lane._take` without the epoch; `Lane._project` without halving, and without its
limit of failures; `Announcer.announce` before the commit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition

from projections import rows as writing
from projections.announcing import CHANNEL
from projections.arrivals import Arrival
from projections.decoding import decode_batch, decode_pieces
from projections.failures import MAX_FAILURES_IN_A_ROW
from projections.lane import Lane
from projections.positions import Fenced, Position
from projections.projector import Projector, open_projector
from projections.settings import ProjectorSettings
from stream.batches import LogRecord, RecordBatch
from stream.errors import Corrupt, NewerSchema
from stream.topics import STOCK_EVENTS
from tests.feeding import append_some
from tests.log_reading import Database, projected, read_log
from tests.pharmacy import Event, events_of
from tests.read_model import expected_rows, read_rows
from tests.records import Writer, raw_record
from tests.stack import Stack
from tests.waiting import until

PARTITION = (STOCK_EVENTS, 0)


class OneLane:
    """A lane on partition 0, claimed under epoch 1."""

    def __init__(self, connection: Database) -> None:
        self.lane = Lane(connection, model=1, live=True, max_lines=6000)
        self.lane.positions[PARTITION] = Position(STOCK_EVENTS, 0, 0, 1, None, None, b"")

    async def project(self, *batches: RecordBatch) -> None:
        await self.lane.project([decode_batch(batch) for batch in batches])


@pytest.fixture
async def database(running: Stack) -> AsyncIterator[Database]:
    """The emptied live model, with partition 0 claimed once."""
    await running.reset_database()
    connection = await asyncpg.connect(
        running.database_url, server_settings={"search_path": "model_1"}
    )
    await connection.execute(
        "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", STOCK_EVENTS
    )
    yield connection
    await connection.close()


@pytest.fixture
def one(database: Database) -> OneLane:
    return OneLane(database)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


def some_events(count: int, facility_id: str = "PHC-1") -> list[Event]:
    return list(islice(events_of(facility_id), count))


async def dead_letters(database: Database) -> list[tuple[int, str]]:
    rows = await database.fetch("SELECT log_offset, kind FROM dead_letter ORDER BY log_offset")
    return [(row[0], row[1]) for row in rows]


async def assert_rows(database: Database, records: Sequence[LogRecord], next_offset: int) -> None:
    """The rows are those of these records, and the position is there."""
    assert await read_rows(database) == expected_rows(records)
    assert await projected(database) == {PARTITION: next_offset}


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


async def test_bad_records_are_set_aside_and_their_neighbours_applied(
    one: OneLane, writer: Writer, database: Database
) -> None:
    records, undecodable = [], []
    for event in some_events(2 * MAX_FAILURES_IN_A_ROW):
        contradicting = event | {"occurred_at": "2026-01-01T00:00:00Z"}
        undecodable.append(writer.raw(value=b"\xff\x00{"))
        records += [writer.event(event), writer.event(contradicting)]
    log = sorted(records + undecodable, key=lambda record: record.offset)
    await one.project(writer.batch(*log[:30]), writer.batch(*log[30:]))
    await assert_rows(database, records, len(log))
    assert await dead_letters(database) == [
        (offset, "conflict" if offset % 3 else "undecodable")
        for offset in range(len(log))
        if offset % 3 != 1
    ]


ODD_RECORDS: dict[str, dict[str, Any]] = {
    "nothing": {"key": None, "value": None},
    "empty": {"key": b"", "value": b""},
    "NUL": {"key": b"\0", "value": b"\0", "headers": [("\0", b"\0"), ("type", b"\0")]},
    "escaped NUL": {"value": rb'{"type": "\u0000"}', "headers": [("type", b"\\u0000")]},
    "half a surrogate": {
        "value": rb'{"type": "\ud800"}',
        "headers": [("\\ud800", b"\xed\xa0\x80")],
    },
    "header without value": {"headers": [("type", None), ("content-sha256", None)]},
    "header twice": {"headers": [("type", b"a"), ("type", b"b")]},
    "header without name": {"headers": [("", b"")]},
    "deep": {"value": b'{"a":' * 100_000 + b"1" + b"}" * 100_000},
    "long number": {"value": b'{"type": ' + b"9" * 100_000 + b"}"},
    "large": {"value": b" " * 3_000_000},
}


@pytest.mark.parametrize("odd", ODD_RECORDS.values(), ids=ODD_RECORDS.keys())
async def test_odd_bytes_are_set_aside_as_they_are(
    one: OneLane, writer: Writer, database: Database, odd: dict[str, Any]
) -> None:
    first, last = some_events(2)
    records = [writer.event(first), writer.raw(**odd), writer.event(last)]
    await one.project(writer.batch(*records))
    await assert_rows(database, [records[0], records[2]], 3)
    assert await dead_letters(database) == [(1, "undecodable")]
    kept = await database.fetchrow("SELECT record_key, record_value FROM dead_letter")
    assert kept is not None
    assert tuple(kept) == (records[1].key, records[1].value)


def break_for(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Arrival], Any]) -> None:
    """Let the making of an event's row go wrong, as `fault` says."""
    whole = writing._event_row

    def event_row(arrival: Arrival) -> Any:
        return fault(arrival) or whole(arrival)

    monkeypatch.setattr(writing, "_event_row", event_row)


def raising(error: Exception) -> Callable[[Arrival], Any]:
    def fault(arrival: Arrival) -> None:
        raise error

    return fault


FAULTS: dict[str, Callable[[Arrival], Any]] = {
    "ours": raising(KeyError("lot")),
    "a wrong type": lambda _: ("x",) * 10,
    "Postgres's": raising(asyncpg.NumericValueOutOfRangeError("bigint out of range")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_record_that_we_fail_to_apply_is_set_aside(
    one: OneLane,
    writer: Writer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Arrival], Any],
) -> None:
    records = [writer.event(event) for event in some_events(30)]
    break_for(
        monkeypatch, lambda arrival: fault(arrival) if arrival.record.offset in (7, 8, 29) else None
    )
    await one.project(writer.batch(*records))
    applied = [record for record in records if record.offset not in (7, 8, 29)]
    await assert_rows(database, applied, 30)
    assert await dead_letters(database) == [(7, "failed"), (8, "failed"), (29, "failed")]
    who = await database.fetch("SELECT DISTINCT facility_id FROM dead_letter")
    assert [row[0] for row in who] == ["PHC-1"]


async def test_many_failures_in_a_row_stop_it(
    one: OneLane, writer: Writer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [writer.event(event) for event in some_events(2 * MAX_FAILURES_IN_A_ROW)]
    break_for(monkeypatch, raising(KeyError("lot")))
    with pytest.raises(Corrupt, match=f"{MAX_FAILURES_IN_A_ROW} records in a row"):
        await one.project(writer.batch(*records))
    failed = MAX_FAILURES_IN_A_ROW - 1
    assert await projected(database) == {PARTITION: failed}
    assert await dead_letters(database) == [(offset, "failed") for offset in range(failed)]


async def test_a_fault_that_is_not_a_record_s_moves_nothing(
    one: OneLane, writer: Writer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_for(monkeypatch, raising(asyncpg.DiskFullError("no space left on device")))
    with pytest.raises(asyncpg.DiskFullError):
        await one.project(writer.batch(writer.event(some_events(1)[0])))
    await assert_rows(database, [], 0)
    assert await dead_letters(database) == []


def test_a_newer_schema_version_is_not_set_aside(writer: Writer) -> None:
    record = writer.event(some_events(1)[0])
    with pytest.raises(NewerSchema, match="upgrade the worker"):
        decode_batch(writer.batch(newer(record)))


def newer(record: LogRecord) -> LogRecord:
    """The same of a schema version that doesn't exist yet."""
    assert record.value is not None
    value = record.value.replace(b'"schema_version":1', b'"schema_version":99')
    assert value != record.value
    headers = [
        (name, b"99" if name == "schema-version" else content) for name, content in record.headers
    ]
    return raw_record(record.offset, key=record.key, value=value, headers=headers)


@pytest.fixture
async def projector(stack: Stack) -> AsyncIterator[Projector]:
    """A running projector of two lanes, on an empty log."""
    settings = ProjectorSettings(database_url=stack.database_url, projector_lanes=2)
    async with open_projector(settings, stack.kafka_settings, model=1) as projector:
        running = asyncio.create_task(projector.run())
        yield projector
        running.cancel()
        await asyncio.wait([running])


class Listener:
    """Another session, which hears of news."""

    def __init__(self, connection: Database) -> None:
        self.connection = connection
        self.heard = asyncio.Event()


@pytest.fixture
async def listener(stack: Stack) -> AsyncIterator[Listener]:
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1"}
    )
    listener = Listener(connection)
    await connection.add_listener(CHANNEL, lambda *_: listener.heard.set())
    yield listener
    await connection.close()


@pytest.fixture
async def another(stack: Stack) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(
        stack.database_url, server_settings={"search_path": "model_1"}
    )
    yield connection
    await connection.close()


async def test_news_comes_once_it_can_be_read(
    projector: Projector, listener: Listener, tmp_path: Path
) -> None:
    claim = (await projector.claim([TopicPartition(*PARTITION)]))[TopicPartition(*PARTITION)]
    writer = Writer(tmp_path, epoch=claim.epoch)
    for event in some_events(20):
        await projector.submit(writer.batch(writer.event(event)))
        while await projected(listener.connection) != {PARTITION: writer.next_offset}:
            # News of figures that a new day changed may come between; that of the event must, too.
            await asyncio.wait_for(listener.heard.wait(), 10)
            listener.heard.clear()


async def test_lanes_work_side_by_side(
    projector: Projector, listener: Listener, another: Database, tmp_path: Path
) -> None:
    """One that must wait, for a lock here, doesn't hold the other up."""
    partitions = [TopicPartition(STOCK_EVENTS, number) for number in (0, 1)]
    claims = await projector.claim(partitions)
    writers = [Writer(tmp_path, tp.partition, claims[tp].epoch) for tp in partitions]
    days = [some_events(20, f"PHC-{number}") for number in (0, 1)]
    records = [
        [writer.event(event) for event in day] for writer, day in zip(writers, days, strict=True)
    ]

    async def at(*offsets: int) -> bool:
        now = await projected(listener.connection)
        return tuple(now[tp.topic, tp.partition] for tp in partitions) == offsets

    async with another.transaction():
        await another.execute("SELECT FROM position WHERE partition = 0 FOR UPDATE")
        for writer, made in zip(writers, records, strict=True):
            await projector.submit(writer.batch(*made))
        await until(lambda: at(0, 20), "the other lane is done")
    await until(lambda: at(20, 20), "both lanes are done")
    assert await read_rows(listener.connection) == expected_rows([*records[0], *records[1]])


async def test_batches_of_an_earlier_claim_are_read_again(
    projector: Projector, listener: Listener, tmp_path: Path
) -> None:
    place = TopicPartition(*PARTITION)
    writer = Writer(tmp_path, epoch=(await projector.claim([place]))[place].epoch)
    records = [writer.event(event) for event in some_events(6)]
    stale = writer.batch(*records[:3])
    await projector.release()
    assert projector.next_offsets() == {}
    await projector.submit(stale)
    claim = (await projector.claim([place]))[place]
    assert claim.next_offset == 0
    writer.epoch = claim.epoch
    await projector.submit(stale)
    await projector.submit(writer.batch(*records))

    async def done() -> bool:
        return await projected(listener.connection) == {PARTITION: 6}

    await until(done, "all is projected once")
    assert await read_rows(listener.connection) == expected_rows(records)


async def test_failures_are_counted_on_from_a_predecessor_s(
    stack: Stack, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each start would set some more records aside, until none is left."""
    await append_some(stack, tmp_path, rounds=10)
    log = [record for record in await read_log(stack.kafka_settings) if record.partition == 0]
    place, last = TopicPartition(*PARTITION), MAX_FAILURES_IN_A_ROW - 1
    break_for(monkeypatch, raising(KeyError("lot")))

    async def all_but_one_failed() -> bool:
        return await projected(listener.connection) == {PARTITION: last}

    for records in (log[:last], log[last:]):
        settings = ProjectorSettings(database_url=stack.database_url)
        async with open_projector(settings, stack.kafka_settings, model=1) as projector:
            running = asyncio.create_task(projector.run())
            claim = (await projector.claim([place]))[place]
            await projector.submit(RecordBatch(STOCK_EVENTS, 0, claim.epoch, records))
            if records[0].offset == 0:
                await until(all_but_one_failed, "one less than too many failed")
                running.cancel()
            await asyncio.wait([running], timeout=10)
    failure = running.exception()
    assert isinstance(failure, BaseExceptionGroup)
    assert failure.subgroup(Corrupt)
    assert await all_but_one_failed()
