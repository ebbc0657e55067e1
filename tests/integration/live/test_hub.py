"""Many readers, slow ones, and what comes between: the hub by itself, and over a rebuild.

Broken on purpose once, to see these tests fail: `Reader.put` without its bound; a reader that left
kept; the hub's state kept over a rebuild; resuming readers each with a query of their own, and all
of them as one however far back that is.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api import live_hub
from api.live_readers import MOST_AT_ONCE, MOST_WAITING, Reader, Readers, Told
from api.metrics import LIVE_DROPPED, LIVE_READERS
from projections.queries import changes as queries
from projections.queries.changes import Changes, Filters, Mark
from projections.queries.item_rows import ItemRow
from projections.queries.stock import ItemStock
from projections.rebuild import rebuild
from projections.settings import ProjectorSettings
from stream.errors import Unavailable
from stream.tokens import PositionToken
from stream.topics import partition_for
from tests.integration.live.service import Api, Stream, deaf_reader, reading, running_api
from tests.stack import PARTITIONS, Stack
from tests.waiting import until
from tests.workers import running_worker

pytestmark = pytest.mark.timeout(90)


def told(facility_id: str = "F1", item_id: str = "PCM", size: int = 1) -> Told:
    row = ItemRow(facility_id, f"D-{facility_id}", None, ItemStock(item_id, None, False, []))
    return Told(row, b"b" * size, b"l" * size)


class TestReaders:
    async def test_each_gets_what_it_wants(self) -> None:
        wants = {
            "all": Filters(),
            "facilities": Filters(facility_ids=frozenset({"F1", "F2"})),
            "district": Filters(district_ids=frozenset({"D-F1"})),
            "item": Filters(item_ids=frozenset({"PCM"})),
            "both": Filters(facility_ids=frozenset({"F1"}), item_ids=frozenset({"PCM"})),
            "nothing": Filters(facility_ids=frozenset()),
        }
        readers, by_name = Readers(), {name: Reader(one) for name, one in wants.items()}
        for reader in by_name.values():
            readers.add(reader)
        readers.tell([told("F1"), told("F2"), told("F1", "ORS"), told("F3")])
        got = {name: await reader.take(seconds=0) for name, reader in by_name.items()}
        assert got == {
            "all": b"bbbl",
            "facilities": b"bbl",
            "district": b"bl",
            "item": b"bbl",
            "both": b"l",
            "nothing": b"",
        }
        for reader in by_name.values():
            readers.remove(reader)
            readers.remove(reader)
        assert len(readers) == 0
        readers.tell([told()])
        assert await by_name["all"].take(seconds=0) == b""

    async def test_a_slow_one_is_dropped_and_keeps_nothing(self) -> None:
        readers, slow, quick = Readers(), Reader(Filters()), Reader(Filters())
        readers.add(slow)
        readers.add(quick)
        dropped = LIVE_DROPPED._value.get()
        readers.tell(
            [told()] * MOST_WAITING * 3
        )  # however much comes at once is no fault of theirs
        while await quick.take(seconds=0):
            pass
        assert not slow.is_closed
        readers.tell([told()])
        assert slow.is_closed
        assert await slow.take(seconds=10) == b""
        assert LIVE_DROPPED._value.get() == dropped + 1
        assert await quick.take(seconds=0) == b"l"
        assert list(readers) == [quick]

    async def test_takes_pieces(self) -> None:
        reader = Reader(Filters())
        reader.put([b"x"] * (MOST_AT_ONCE + 1))
        assert len(await reader.take(seconds=0)) == MOST_AT_ONCE
        assert len(await reader.take(seconds=0)) == 1


async def test_a_deaf_reader_takes_no_memory(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dropped soon, and in the end its connection is ended, though it keeps that open."""
    monkeypatch.setattr("infra.serving.SILENT_PEER_SECONDS", 1)
    async with running_api(stack, tmp_path) as api:
        deaf = deaf_reader(api.port)

        async def is_read() -> bool:
            return len(api.hub._readers) == 1

        await until(is_read, "the deaf reader is taken")
        (reader,) = api.hub._readers
        rows = 0
        while not reader.is_closed:
            api.hub._readers.tell([told(size=10_000)])
            await asyncio.sleep(0)
            rows += 1
            assert rows < MOST_WAITING + 1_500  # 15 MB in the sockets' buffers would be much
        assert not reader._waiting

        async def is_gone() -> bool:
            return not api.server.server_state.connections and LIVE_READERS._value.get() == 0

        await until(is_gone, "its connection is ended", 20)
        deaf.close()


async def test_who_left_is_forgotten(api: Api) -> None:
    async with reading(api) as stream:
        await stream.next()
        assert len(api.hub._readers) == 1

    async def is_forgotten() -> bool:
        return len(api.hub._readers) == 0

    await until(is_forgotten, "the reader left")


async def test_no_more_than_it_can_bear(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_hub, "MOST_READERS", 1)
    async with reading(api) as stream:
        await stream.next()
        assert (await api.client.get("/v1/live")).status_code == 503


class Counted:
    """The hub's queries, counted; the next `failing` of them find Postgres away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.failing = 0
        monkeypatch.setattr(live_hub, "find_changes", self._find)

    async def _find(self, model: Any, since: Mark, **bounds: int) -> Changes:
        self.asked += 1
        if self.failing:
            self.failing -= 1
            raise Unavailable("away")
        return await queries.find_changes(model, since, **bounds)


@pytest.mark.usefixtures("worker")
async def test_one_query_for_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for all who come back at once; and none are lost while Postgres is away."""
    monkeypatch.setattr(live_hub, "POLL_SECONDS", 60)
    counted = Counted(monkeypatch)
    await api.register("F1")
    at = await api.receive("F1", "PCM", 1)
    row = await api.item("F1", "PCM", at=at)
    tasks = [asyncio.create_task(_read_one(api, at)) for _ in range(40)]

    async def are_there() -> bool:
        return len(api.hub._readers) == 40

    await until(are_there, "all are connected")
    assert counted.asked <= 15  # one, if all had come within the same moment
    before = counted.asked
    counted.failing = 1
    for number in (2, 3):
        at = await api.receive("F1", "PCM", number)
        row = await api.item("F1", "PCM", at=at)
    assert row["on_hand"] == 6
    for rows in await asyncio.gather(*tasks):
        assert rows[-1] == row
    assert counted.asked <= before + 8  # records, positions and their polls, not readers


async def _read_one(api: Api, last_event_id: str) -> list[dict[str, Any]]:
    async with reading(api, last_event_id=last_event_id, facility_id="F1") as stream:
        rows = [await stream.next_row()]
        while rows[-1]["on_hand"] != 6:
            rows.append(await stream.next_row())
        return rows


@pytest.mark.usefixtures("worker")
async def test_together_they_are_too_far_behind(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of all partitions would be; each by itself isn't."""
    first = "F1"
    second = next(
        one
        for one in ("F2", "F3", "F4", "F5")
        if partition_for(one, PARTITIONS) != partition_for(first, PARTITIONS)
    )
    await api.register(first, second)
    stream_of = dict.fromkeys((first, second), "")
    begin = await api.pull()
    for facility_id in stream_of:
        _, stream_of[facility_id] = await api.pull()
        for _ in range(3):
            at = await api.receive(facility_id, "PCM", 1)
        await api.item(facility_id, "PCM", at=at)
    assert begin[1] == stream_of[first]
    # behind by 3 each, in its own partition
    state = PositionToken.parse((await api.pull())[1])
    behind_second = PositionToken.parse(stream_of[second])
    behind_first = PositionToken(
        state.cluster_id,
        {
            place: PositionToken.parse(stream_of[first]).offsets.get(place, 0)
            if place == ("stock-events", partition_for(first, PARTITIONS))
            else offset
            for place, offset in state.offsets.items()
        },
    )
    monkeypatch.setattr(live_hub, "MOST_RECORDS", 3)
    resumed = {first: behind_first.encode(), second: behind_second.encode(), "all": begin[1]}
    readers = await asyncio.gather(
        *(api.hub.join(Filters(), last_event_id) for last_event_id in resumed.values())
    )
    for facility_id, reader in zip(resumed, readers, strict=True):
        blocks = await reader.take(seconds=0)
        api.hub.leave(reader)
        if facility_id == "all":
            assert b"event: reset" in blocks
        else:
            assert b"event: reset" not in blocks
            assert f'"facility_id":"{facility_id}"'.encode() in blocks


async def test_over_a_rebuild(api: Api, stack: Stack, tmp_path: Path) -> None:
    """Who reads is told to look anew; who comes back goes on, as positions are the log's."""
    with running_worker(stack, tmp_path / "worker.log") as worker:
        await api.register("F1")
        at = await api.receive("F1", "PCM", 1)
        await api.item("F1", "PCM", at=at)
        async with reading(api) as before:
            resume_with = (await _position_of(before)).encode()
            at = await api.receive("F1", "PCM", 2)
            assert await before.next_row() == await api.item("F1", "PCM", at=at)
            settings = ProjectorSettings(database_url=stack.database_url)
            await rebuild(settings, stack.kafka_settings, grace_seconds=0)
            message = await before.next_event()
            assert (message.event, message.data) == ("reset", {"reason": "rebuilt"})
            await worker.until_ended()
            with running_worker(stack, tmp_path / "next.log"):
                async with reading(api, last_event_id=resume_with) as after:
                    row = await after.next_row()
                    assert row == await api.item("F1", "PCM", at=at)
                    at = await api.receive("F1", "PCM", 4)
                    row = await api.item("F1", "PCM", at=at)
                    assert row["on_hand"] == 7
                    await before.until(row)
                    await after.until(row)


async def _position_of(stream: Stream) -> PositionToken:
    message = await stream.next()
    assert message is not None
    return message.token
