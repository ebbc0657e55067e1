"""A worker on a log that holds what it can't read."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stream.codec import OutgoingRecord
from stream.keyring import KeyRing
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.feeding import append_some
from tests.log_reading import Database, log_ends, projected
from tests.pharmacy import encode, events_of
from tests.records import Headers
from tests.stack import PARTITIONS, Stack
from tests.waiting import until
from tests.workers import running_worker

pytestmark = pytest.mark.timeout(90)

BAD: list[tuple[bytes | None, bytes | None, Headers]] = [
    (None, b"", []),
    (b"\xff", b"\0", [("type", None)]),
    (b"PHC-1", None, [("", b"")]),
    (b"PHC-1", b"{" * 10_000, []),
    (b"PHC-1", b" " * 3_000_000, [("type", b"stock_counted")]),
]


async def append_raw(
    stack: Stack, records: list[tuple[str, int, bytes | None, bytes | None, Headers]]
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap_servers, max_request_size=4 * 1024 * 1024
    )
    await producer.start()
    try:
        for topic, partition, key, value, headers in records:
            await producer.send_and_wait(
                topic, value, key=key, partition=partition, headers=list(headers)
            )
    finally:
        await producer.stop()


async def test_it_sets_aside_what_is_bad_and_stops_at_what_is_newer(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    await append_some(stack, tmp_path, rounds=2)
    await append_raw(
        stack, [(topic, 0, *bad) for topic in (STOCK_EVENTS, REFERENCE) for bad in BAD]
    )
    await append_some(stack, tmp_path, rounds=2, seed=1)
    ends = await log_ends(stack.kafka_settings)

    async def at_the_end() -> bool:
        return await projected(database) == ends

    with running_worker(stack, tmp_path / "worker.log") as worker:
        await until(at_the_end, "all is projected or set aside")
        letters = dict(await database.fetch("SELECT kind, count(*) FROM dead_letter GROUP BY kind"))
        assert letters["undecodable"] == 2 * len(BAD)
        newer = make_newer(tmp_path)
        await append_raw(
            stack, [(newer.topic, newer.partition, newer.key, newer.value, newer.headers)]
        )
        assert await worker.until_ended() == 1
        assert "upgrade the worker" in worker.said

    with running_worker(stack, tmp_path / "again.log") as worker:
        assert await worker.until_ended() == 1
        assert "upgrade the worker" in worker.said
    assert await projected(database) == ends


def make_newer(folder: Path) -> OutgoingRecord:
    """An event of a schema version that doesn't exist yet."""
    event = next(events_of("PHC-new"))
    record = encode(event, KeyRing(folder / "keys.json", "RJ"), PARTITIONS)
    value = record.value.replace(b'"schema_version":', b'"schema_version":99')
    assert value != record.value
    headers = tuple(
        (name, b"99" + content if name == "schema-version" else content)
        for name, content in record.headers
    )
    return OutgoingRecord(record.topic, record.partition, record.key, value, headers)
