"""What a lane does with records that are at fault, or that it fails to apply.

Broken on purpose once, to see these tests fail: `Lane._project` without halving, and without its
limit of failures.
"""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from projections.arrivals import Arrival
from projections.decoding import decode_batch
from projections.failures import MAX_FAILURES_IN_A_ROW
from stream.batches import LogRecord
from stream.errors import Corrupt, NewerSchema
from tests.integration.projecting.one_lane import (
    PARTITION,
    OneLane,
    assert_rows,
    break_for,
    dead_letters,
    raising,
    some_events,
)
from tests.log_reading import Database, projected
from tests.records import Writer, raw_record


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
