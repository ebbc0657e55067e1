"""Random and mutated records: each is applied or set aside, and nothing ever stops the partition.

`DAWALOG_TEST_FUZZ` is how many records of each topic (5,000), `DAWALOG_TEST_SEED` which ones
(printed; else random). Broken on purpose once, to see this test fail: `digest_record` without its
care for headers without a value.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from projections.decoding import decode_batch
from projections.lane import Lane
from projections.positions import Position
from stream.batches import LogRecord, RecordBatch
from stream.codec import decode_event, decode_reference, encode_reference
from stream.errors import NewerSchema, Undecodable
from stream.keyring import KeyRing
from stream.reference import posted_reference
from stream.topics import REFERENCE, STOCK_EVENTS
from tests.log_reading import Database, projected
from tests.pharmacy import encode, events_of
from tests.records import Headers, raw_record
from tests.stack import Stack

RECORDS = int(os.environ.get("DAWALOG_TEST_FUZZ", "5000"))
SEED = os.environ.get("DAWALOG_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
BATCH = 250

Parts = tuple[bytes | None, bytes | None, Headers]
"""Key, value, headers."""

ODD_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 10**12, 10**12 + 1, 2**63 - 1, 2**63, -(2**63), 1e308,
    "", " ", "\0", "\x7f", "\u202e", "क", "😀", "a" * 65, "x" * 5_000, "NaN", "null",
    "2026-02-30", "0001-01-01", "9999-12-31", "2026-01-31T10:15:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00", "2026-01-31T25:00:00Z", "2026-06-30T23:59:60Z",
    "00000000-0000-0000-0000-000000000000", "PHC-1", "stock_counted", "item", "facility",
    [], [None], [[]], {}, {"": None}, {"item_id": "ors"}, [{"item_id": "ors", "quantity": 1}],
]  # fmt: skip
ODD_BYTES = [b"", b"\0", b"\xff", b"\xed\xa0\x80", b"{}", b"[]", b"null", b"NaN", b'{"type":', b"9"]


class Mutator:
    """Bends what the API would have appended, a little or beyond recognition."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._seen: list[Parts] = []
        self._ways: tuple[Callable[[Parts], Parts], ...] = (
            self._keep,
            self._keep,
            self._repeat,
            self._contradict,
            self._bend_value,
            self._bend_value,
            self._flip_bytes,
            self._bend_headers,
            self._bend_key,
            self._make_noise,
        )

    def bend(self, parts: Parts) -> Parts:
        for _ in range(self._dice.choice((1, 1, 1, 1, 2, 4))):
            parts = self._dice.choice(self._ways)(parts)
        self._seen = [parts, *self._seen[:50]]
        return parts

    def _keep(self, parts: Parts) -> Parts:
        return parts

    def _repeat(self, parts: Parts) -> Parts:
        return self._dice.choice(self._seen) if self._seen else parts

    def _contradict(self, parts: Parts) -> Parts:
        """The same id with another hash of its content."""
        key, value, headers = self._repeat(parts)
        return key, value, [*headers[:2], ("content-sha256", self._dice.randbytes(32))]

    def _bend_value(self, parts: Parts) -> Parts:
        """Another value, no value, another name or one more somewhere in the JSON."""
        key, value, headers = parts
        try:
            body = orjson.loads(value or b"")
        except orjson.JSONDecodeError:
            return parts
        places = list(_containers(body))
        if not places:
            return parts
        container = self._dice.choice(places)
        places_in = list(container) if isinstance(container, dict) else list(range(len(container)))
        odd = self._dice.choice(ODD_VALUES)
        match self._dice.randrange(4), places_in:
            case 0, [_, *_]:
                del container[self._dice.choice(places_in)]
            case 1, _ if isinstance(container, dict):
                container[self._dice.choice(("note", "corrects", "lines", "reverses", "x"))] = odd
            case 2, [_, *_] if isinstance(container, list):
                container.extend(container * self._dice.choice((1, 300)))
            case _, [_, *_]:
                container[self._dice.choice(places_in)] = odd
        return key, _dump(body), headers

    def _flip_bytes(self, parts: Parts) -> Parts:
        key, value, headers = parts
        bent = bytearray(value or b"{}")
        for _ in range(self._dice.choice((1, 2, 8))):
            at = self._dice.randrange(len(bent) + 1)
            bent[at : at + self._dice.randrange(3)] = self._dice.randbytes(self._dice.randrange(3))
        return key, bytes(bent), headers

    def _bend_headers(self, parts: Parts) -> Parts:
        key, value, headers = parts
        bent = list(headers)
        names = ["type", "schema-version", "content-sha256", "", "\0", "é" * 300]
        header = (self._dice.choice(names), self._dice.choice([*ODD_BYTES, b"1", b"item", None]))
        match self._dice.randrange(4):
            case 0:
                bent.insert(self._dice.randrange(len(bent) + 1), header)
            case 1 if bent:
                bent.pop(self._dice.randrange(len(bent)))
            case 2 if bent:
                bent[self._dice.randrange(len(bent))] = header
            case _:
                bent = bent[::-1] * self._dice.choice((1, 2))
        return key, value, bent

    def _bend_key(self, parts: Parts) -> Parts:
        _, value, headers = parts
        return self._dice.choice([None, *ODD_BYTES, b"PHC-2", b"item:ors"]), value, headers

    def _make_noise(self, parts: Parts) -> Parts:
        dice = self._dice
        noise = dice.randbytes(dice.choice((0, 1, 30, 3_000)))
        return dice.choice((parts[0], noise)), dice.choice((None, noise)), parts[2]


def _containers(body: Any) -> Iterator[Any]:
    if isinstance(body, dict | list):
        yield body
        for inner in body.values() if isinstance(body, dict) else body:
            yield from _containers(inner)


def _dump(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # an integer beyond 64 bits
        return repr(body).encode()


def stock_events(keys: KeyRing) -> Iterator[Parts]:
    days = [events_of(f"PHC-{number}") for number in range(3)]
    while True:
        for day in days:
            record = encode(next(day), keys, 1)
            yield record.key, record.value, record.headers


def reference_records(keys: KeyRing) -> Iterator[Parts]:
    bodies: list[dict[str, Any]] = [
        {"kind": "district", "district_id": "ajmer", "name": "Ajmer", "state": "RJ"},
        {
            "kind": "item",
            "item_id": "ors",
            "name": "Oral rehydration salts",
            "names": {"hi": "ओआरएस"},
            "base_unit": "sachet",
            "levels": ["PHC"],
        },
        {
            "kind": "facility",
            "facility_id": "PHC-1",
            "name": "Ajmer",
            "level": "PHC",
            "district_id": "ajmer",
            "state": "RJ",
            "location": {"lat": 26.4, "lon": 74.6},
            "valid_from": "2026-01-01T00:00:00Z",
        },
    ]
    while True:
        for body in bodies:
            record = encode_reference(
                posted_reference.validate_python(body), recorded_by="test", source="api"
            )
            yield record.key, record.value, record.headers


@pytest.mark.timeout(60 + RECORDS // 50)
@pytest.mark.parametrize(
    ("topic", "source"), [(STOCK_EVENTS, stock_events), (REFERENCE, reference_records)]
)
async def test_any_record_is_applied_or_set_aside(
    running: Stack, tmp_path: Path, topic: str, source: Callable[[KeyRing], Iterator[Parts]]
) -> None:
    print(f"DAWALOG_TEST_SEED={SEED}")
    await running.reset_database()
    database = await asyncpg.connect(
        running.database_url, server_settings={"search_path": "model_1"}
    )
    mutator = Mutator(random.Random(SEED))
    whole = source(KeyRing(tmp_path / "keys.json", "RJ"))
    await database.execute(
        "INSERT INTO position (topic, partition, epoch) VALUES ($1, 0, 1)", topic
    )
    lane = Lane(database, model=1, live=True, partitions=1, max_lines=6000)
    lane.positions[topic, 0] = Position(topic, 0, 0, 1, None, None, b"")
    offsets = iter(range(RECORDS))
    while batch := list(_readable(mutator, whole, topic, islice(offsets, BATCH))):
        await lane.project([decode_batch(RecordBatch(topic, 0, 1, batch))])
        await assert_accounted_for(database, batch)
    assert await projected(database) == {(topic, 0): RECORDS}
    await assert_many_of_each(database, topic)
    await database.close()


def _readable(
    mutator: Mutator, whole: Iterator[Parts], topic: str, offsets: Iterable[int]
) -> Iterator[LogRecord]:
    """Bent records but those of a newer schema, which stop the worker as they must."""
    for offset in offsets:
        while True:
            key, value, headers = mutator.bend(next(whole))
            record = raw_record(offset, key=key, value=value, headers=headers, topic=topic)
            try:
                decode_batch(RecordBatch(topic, 0, 1, [record]))
            except NewerSchema:
                continue
            yield record
            break


async def assert_accounted_for(database: Database, batch: Sequence[LogRecord]) -> None:
    """What can be read is applied, or was before; all else is set aside. Nothing failed."""
    letters = dict(
        await database.fetch(
            "SELECT log_offset, kind FROM dead_letter WHERE log_offset >= $1", batch[0].offset
        )
    )
    for record in batch:
        kind = letters.get(record.offset)
        try:
            await assert_applied(database, record)
        except Undecodable:
            assert kind == "undecodable", record
        else:
            assert kind in (None, "conflict"), record


async def assert_applied(database: Database, record: LogRecord) -> None:
    """Raises `Undecodable` for what can't be."""
    if record.topic == REFERENCE:
        kind = decode_reference(record.key, record.value, record.headers).kind
        found = await database.fetchval(
            f"SELECT count(*) FROM {kind}_record WHERE log_offset = $1", record.offset
        )
    else:
        event = decode_event(record.key, record.value, record.headers)
        found = await database.fetchval(
            "SELECT count(*) FROM event JOIN facility_number USING (facility_no)"
            " WHERE facility_id = $1 AND event_id = $2",
            event.facility_id,
            event.event_id,
        )
    assert found == 1, record


async def assert_many_of_each(database: Database, topic: str) -> None:
    """Else the mutations are too mild, or too wild."""
    kinds = dict(await database.fetch("SELECT kind, count(*) FROM dead_letter GROUP BY kind"))
    print(topic, kinds)
    assert RECORDS / 10 < kinds["undecodable"] < RECORDS * 0.9
    assert topic == REFERENCE or kinds["conflict"] > RECORDS / 100
