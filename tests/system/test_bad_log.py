"""A worker on a log that holds what it can't read."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from projections.settings import DatabaseSettings
from projections.verify import verify
from stream.alerts import Subject
from stream.codec import OutgoingRecord
from stream.keyring import KeyRing
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.alert_facts import encode_alert, found
from tests.feeding import FACILITIES, append_some
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
    stack: Stack, records: Sequence[tuple[str, int, bytes | None, bytes | None, Headers]]
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


async def test_what_is_in_a_partition_of_others_is_set_aside(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """Else two lanes, or two workers, would write one facility's rows. Broken on purpose once, to
    see this test fail: such a record applied, by the lane alone and by `verify` alone.
    """
    await append_some(stack, tmp_path, rounds=1)
    keys = KeyRing(tmp_path / "keys.json", "RJ")
    event = encode(next(events_of(FACILITIES[0], seed=1)), keys, PARTITIONS)
    alert = encode_alert(found(Subject(facility_id=FACILITIES[0], item_id="ors"), "opened", 1))
    misplaced = [
        (each.topic, (each.partition + 1) % PARTITIONS, each.key, each.value, each.headers)
        for each in (event, alert)
    ]
    await append_raw(stack, misplaced)
    ends = await log_ends(stack.kafka_settings)

    async def at_the_end() -> bool:
        return await projected(database) == ends

    with running_worker(stack, tmp_path / "worker.log"):
        await until(at_the_end, "all is projected or set aside")
    letters = await database.fetch("SELECT topic, partition, kind, reason FROM dead_letter")
    reason = f"it is of {FACILITIES[0]}, of which all is in partition {event.partition}"
    assert {tuple(letter) for letter in letters} == {
        (topic, partition, "undecodable", reason) for topic, partition, *_ in misplaced
    }
    assert await database.fetchval("SELECT count(*) FROM event") == len(FACILITIES)
    assert await database.fetchval("SELECT count(*) FROM alert") == 0
    verdict = await verify(
        DatabaseSettings(database_url=stack.database_url), stack.kafka_settings, patience_seconds=0
    )
    assert (verdict.drift_rows, verdict.events) == (0, len(FACILITIES))


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
