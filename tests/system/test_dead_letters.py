"""What can't be applied, from the log to the operator's decision and through a rebuild."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from projections.queries.stock import find_stock
from projections.reading import ReadModel
from projections.rebuild import rebuild
from projections.settings import DatabaseSettings, ProjectorSettings, ReadingSettings
from projections.verify import verify
from stream.appending import Appended
from stream.codec import OutgoingRecord
from stream.errors import Conflict
from stream.keyring import KeyRing
from stream.log import EventLog
from stream.topics import STOCK_EVENTS, partition_for
from tests.decisions import encode_decision
from tests.log_reading import log_ends, projected
from tests.pharmacy import Event, encode
from tests.stack import PARTITIONS, Stack
from tests.system.clumsy_worker import CLUMSY, NOTE
from tests.system.service import DAWALOG, environment
from tests.waiting import until
from tests.workers import running_worker

pytestmark = pytest.mark.timeout(240)

FACILITY: Final = "PHC-1"
PARTITION: Final = partition_for(FACILITY, PARTITIONS)
ID: Final = "0192f0c1-2f6e-7c3a-9b1d-{:012d}"


def receipt(number: int, quantity: int = 100, **changes: Any) -> Event:
    lines = [{"item_id": "ors", "lot": "A1", "expiry": "2031-06", "quantity": quantity}]
    return {
        "event_id": ID.format(number),
        "facility_id": FACILITY,
        "type": "stock_received",
        "occurred_at": f"2026-03-02T09:{number:02d}:00Z",
        "lines": lines,
    } | changes


class Pharmacy:
    """The log, the read model and the command line of one installation."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self._keys = KeyRing(folder / "keys.json", "RJ")

    async def append(self, *records: Event | OutgoingRecord) -> list[str]:
        """Append in this order; returns the positions as the command line takes them."""
        log = EventLog(self.stack.kafka_settings)
        await log.start()
        try:
            answers = await log.append(
                [
                    each
                    if isinstance(each, OutgoingRecord)
                    else encode(each, self._keys, PARTITIONS)
                    for each in records
                ]
            )
        finally:
            await log.stop()
        assert all(isinstance(answer, Appended) for answer in answers), answers
        return [
            f"{answer.topic}/{answer.partition}/{answer.offset}"
            for answer in answers
            if isinstance(answer, Appended)
        ]

    async def until_projected(self) -> None:
        ends = await log_ends(self.stack.kafka_settings)

        async def is_projected() -> bool:
            return bool(await self.query(projected) == ends)

        await until(is_projected, "projected")

    async def query(self, ask: Any) -> Any:
        model = await self._fetch("public", "SELECT number FROM dawalog.live_model")
        connection = await asyncpg.connect(
            self.stack.database_url, server_settings={"search_path": f"model_{model[0][0]}"}
        )
        try:
            return await ask(connection)
        finally:
            await connection.close()

    async def on_hand(self) -> int | None:
        async def ask(connection: Any) -> Any:
            return await connection.fetchval("SELECT sum(on_hand)::int FROM card")

        on_hand: int | None = await self.query(ask)
        return on_hand

    async def is_suspect(self) -> bool:
        model = ReadModel(ReadingSettings(database_url=self.stack.database_url))
        await model.start()
        try:
            stock = await find_stock(model, facility_id=FACILITY, partition=PARTITION)
        finally:
            await model.stop()
        assert stock is not None
        return stock.suspect

    async def _fetch(self, schema: str, statement: str) -> Any:
        connection = await asyncpg.connect(
            self.stack.database_url, server_settings={"search_path": schema}
        )
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    def run(self, *words: str, expected: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [DAWALOG, "dead-letters", *words],
            check=False,
            capture_output=True,
            text=True,
            env=environment() | self.stack.environment,
            timeout=60,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    def listed(self, *words: str) -> Mapping[str, Mapping[str, Any]]:
        letters = json.loads(self.run("list", "--json", *words).stdout)
        return {letter["position"]: letter for letter in letters}

    async def drift(self) -> tuple[str, ...]:
        settings = DatabaseSettings(database_url=self.stack.database_url)
        verdict = await verify(settings, self.stack.kafka_settings)
        return verdict.first_differences

    async def rebuild(self, before_switching: Callable[[], None] = lambda: None) -> None:
        def show(what: str, done: int, _total: int) -> None:
            if (what, done) == ("switching", 0):
                before_switching()

        settings = ProjectorSettings(database_url=self.stack.database_url)
        kafka = self.stack.kafka_settings
        await rebuild(settings, kafka, grace_seconds=0, verified=False, progress=show)


@pytest.fixture
def pharmacy(stack: Stack, tmp_path: Path) -> Pharmacy:
    return Pharmacy(stack, tmp_path)


def states(letters: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    return {place: (letter["kind"], letter["state"]) for place, letter in letters.items()}


def garbage(value: bytes = b"\xff\x00") -> OutgoingRecord:
    return OutgoingRecord(STOCK_EVENTS, PARTITION, FACILITY.encode(), value, (("type", b"x"),))


async def test_from_failure_to_decision_and_through_a_rebuild(
    pharmacy: Pharmacy, tmp_path: Path
) -> None:
    with running_worker(pharmacy.stack, tmp_path / "clumsy.log", command=CLUMSY):
        first, mended, _, never, conflict, unreadable, _ = await pharmacy.append(
            receipt(1),
            receipt(2, 20, note=NOTE),
            receipt(2, 20, note=NOTE),
            receipt(3, 3000, note=NOTE),
            receipt(1, 101),
            garbage(),
            receipt(4, 4),
        )
        await pharmacy.until_projected()
        assert await pharmacy.on_hand() == 104
        letters = pharmacy.listed()
        # the repetition of a failed event is a repetition
        assert {place: letter["kind"] for place, letter in letters.items()} == {
            mended: "failed",
            never: "failed",
            conflict: "conflict",
            unreadable: "undecodable",
        }
        assert letters[mended]["reason"] == "ValueError: the program is at fault"
        assert letters[mended]["event_id"] == ID.format(2)
        assert pharmacy.listed("--kind", "failed", "--facility", FACILITY).keys() == {mended, never}
        shown = json.loads(pharmacy.run("show", mended, "--json").stdout)
        assert shown["value"]["note"] == NOTE
        assert shown["headers"]["type"] == "stock_received"

        failed = pharmacy.run("replay", mended, expected=1)
        assert f"dawalog: {mended}: it failed again: ValueError" in failed.stderr
        assert pharmacy.listed()[mended]["decision"] == "replayed"
        assert "can only be discarded" in pharmacy.run("replay", conflict, expected=1).stderr
        assert "no dead letter" in pharmacy.run("replay", first, expected=1).stderr
        assert await pharmacy.drift() == ()

    with running_worker(pharmacy.stack, tmp_path / "worker.log"):
        pharmacy.run("replay", mended, "--reason", "mended in the next version")
        assert await pharmacy.on_hand() == 124
        pharmacy.run("discard", never, conflict, unreadable, "--reason", "typed for a test")
        assert pharmacy.listed() == {}
        assert pharmacy.listed("--state", "replayed")[mended]["decision_reason"].startswith(
            "mended"
        )
        assert "was replayed" in pharmacy.run("discard", mended, "--reason", "x", expected=1).stderr
        assert "already" in pharmacy.run("discard", never, "--reason", "x", expected=1).stderr
        assert await pharmacy.drift() == ()
        before = pharmacy.listed("--state", "all")

    # by a program that wouldn't fail: the discarded event stays out
    await pharmacy.rebuild()
    assert await pharmacy.on_hand() == 124
    assert states(pharmacy.listed("--state", "all")) == states(before)
    assert await pharmacy.drift() == ()


async def test_a_facility_is_suspect_while_a_failure_is_open(
    pharmacy: Pharmacy, tmp_path: Path
) -> None:
    with running_worker(pharmacy.stack, tmp_path / "clumsy.log", command=CLUMSY):
        failed, *_ = await pharmacy.append(receipt(1, note=NOTE), receipt(2), receipt(2, 3))
        await pharmacy.until_projected()
        assert await pharmacy.is_suspect()
        pharmacy.run("discard", failed, "--reason", "typed twice")
        assert not await pharmacy.is_suspect()
        pharmacy.run("replay", failed, expected=1)
        assert await pharmacy.is_suspect()


async def test_decisions_hold_whichever_partition_comes_first(
    pharmacy: Pharmacy, tmp_path: Path
) -> None:
    """A database from before everything: the record is projected before the decision about it."""
    records = [receipt(1), receipt(2, 20), receipt(2, 20), receipt(2, 21), receipt(3, 3)]
    positions = await pharmacy.append(*records)
    discarded = (STOCK_EVENTS, PARTITION, int(positions[1].rpartition("/")[2]))
    # the second was made in ignorance of the first
    await pharmacy.append(
        encode_decision(discarded, "discarded"), encode_decision(discarded, "replayed")
    )
    with running_worker(pharmacy.stack, tmp_path / "worker.log"):
        await pharmacy.until_projected()
    assert await pharmacy.on_hand() == 103
    assert states(pharmacy.listed("--state", "all")) == {
        positions[1]: ("failed", "discarded"),
        positions[3]: ("conflict", "open"),
    }
    assert await pharmacy.drift() == ()


async def test_a_decision_made_during_a_rebuild_is_kept(pharmacy: Pharmacy, tmp_path: Path) -> None:
    with running_worker(pharmacy.stack, tmp_path / "clumsy.log", command=CLUMSY):
        _, failed = await pharmacy.append(receipt(1), receipt(2, 20, note=NOTE))
        await pharmacy.until_projected()

        def discard() -> None:
            pharmacy.run("discard", failed, "--reason", "typed for a test")

        with pytest.raises(Conflict, match="start it again"):
            await pharmacy.rebuild(before_switching=discard)
        assert await pharmacy.on_hand() == 100
    await pharmacy.rebuild()
    assert await pharmacy.on_hand() == 100
    assert await pharmacy.drift() == ()


async def test_a_newer_schema_version_stops_the_worker(pharmacy: Pharmacy, tmp_path: Path) -> None:
    draft = encode(receipt(2), KeyRing(tmp_path / "keys.json", "RJ"), PARTITIONS)
    newer = draft._replace(
        value=draft.value.replace(b'"schema_version":1', b'"schema_version":2'),
        headers=tuple(
            (name, b"2" if name == "schema-version" else value) for name, value in draft.headers
        ),
    )
    assert newer.value != draft.value
    with running_worker(pharmacy.stack, tmp_path / "worker.log") as worker:
        await pharmacy.append(garbage(), receipt(1))
        await pharmacy.until_projected()
        await pharmacy.append(newer, receipt(3))
        assert await worker.until_ended() == 1
        assert "upgrade the worker" in worker.said
    # neither skipped nor set aside, by the next one either
    with running_worker(pharmacy.stack, tmp_path / "next.log") as worker:
        assert await worker.until_ended() == 1
    assert (await pharmacy.query(projected))[STOCK_EVENTS, PARTITION] == 2
    assert {letter["kind"] for letter in pharmacy.listed().values()} == {"undecodable"}
