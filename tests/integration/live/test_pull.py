"""All that changed since a position, and nothing else, whatever its size."""

import gc
import tracemalloc

import asyncpg
import pytest

from projections.queries import pull
from projections.queries.changes import REFERENCE_PLACE, Filters
from projections.queries.pull import Pulls
from projections.settings import ReadingSettings
from stream.errors import Unavailable
from stream.tokens import PositionToken
from tests.integration.live.service import Api, Data, reading
from tests.stack import Stack
from tests.waiting import until

MANY = 60_000


def _by_item(rows: list[Data]) -> dict[tuple[str, str], int]:
    return {(row["facility_id"], row["item_id"]): row["on_hand"] for row in rows}


@pytest.mark.usefixtures("worker")
@pytest.mark.timeout(90)
async def test_a_mirror_by_pulling(api: Api) -> None:
    await api.put("/v1/items/PCM", {"name": "Paracetamol", "base_unit": "tablet"})
    await api.register("F1")
    await api.register("G1", district="D2")
    for facility_id, item_id in (("F1", "PCM"), ("F1", "ORS"), ("G1", "PCM")):
        at = await api.receive(facility_id, item_id, 10)
        item = await api.item(facility_id, item_id, at=at)
    rows, begin = await api.pull()
    everything = _by_item(rows)
    assert everything == {("F1", "PCM"): 10, ("F1", "ORS"): 10, ("G1", "PCM"): 10}
    assert [row for row in rows if row["facility_id"] == "G1"] == [item]

    async def has_settled() -> bool:
        nonlocal begin
        rows, begin = await api.pull(begin)
        return not rows

    await until(has_settled, "what was registered is worked off")
    assert await api.pull(begin) == ([], begin)
    at = await api.receive("F1", "PCM", 1)
    row = await api.item("F1", "PCM", at=at)
    rows, end = await api.pull(begin)
    assert rows == [row]
    assert (await api.pull(end))[0] == []
    # a post's own position names one partition: of the others, and of what is registered, all
    assert row in (await api.pull(at))[0]
    here, registered = PositionToken.parse(at), PositionToken.parse(end).offsets[REFERENCE_PLACE]
    named = PositionToken(here.cluster_id, {**here.offsets, REFERENCE_PLACE: registered})
    assert row not in (await api.pull(named.encode()))[0]

    cases: list[tuple[Data, set[tuple[str, str]]]] = [
        ({"facility_id": ["F1", "F9"]}, {("F1", "PCM"), ("F1", "ORS")}),
        ({"district": "D2"}, {("G1", "PCM")}),
        ({"item_id": "PCM"}, {("F1", "PCM"), ("G1", "PCM")}),
        ({"item_id": "PCM", "district": "D1"}, {("F1", "PCM")}),
    ]
    for parameters, wanted in cases:
        assert set(_by_item((await api.pull(**parameters))[0])) == wanted, parameters
        changed = wanted & {("F1", "PCM")}
        assert set(_by_item((await api.pull(begin, **parameters))[0])) == changed, parameters

    # from a pull to the stream without a gap
    at = await api.receive("F1", "ORS", 5)
    await api.item("F1", "ORS", at=at)
    async with reading(api, last_event_id=end) as stream:
        assert await stream.next_row() == await api.item("F1", "ORS", at=at)


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        ("none of ours", "malformed-position"),
        (PositionToken("other", {}).encode(), "other-installation"),
    ],
)
async def test_refuses_other_positions(api: Api, after: str, problem: str) -> None:
    answer = await api.client.get("/v1/changes", params={"after": after})
    assert answer.status_code == 400
    assert answer.json()["type"] == problem


async def test_says_what_cannot_be_asked(api: Api) -> None:
    answer = await api.client.get("/v1/changes", params={"facility_id": "no id!"})
    assert answer.status_code == 422


async def test_an_empty_state(api: Api) -> None:
    rows, position = await api.pull()
    assert rows == []
    assert (await api.pull(position))[0] == []


FILL = f"""
INSERT INTO facility_number (facility_id) SELECT 'F' || n FROM generate_series(1, 500) AS n;
INSERT INTO item_number (item_id) SELECT 'I' || n FROM generate_series(1, {MANY // 500}) AS n;
INSERT INTO card (facility_no, item_no, lot, on_hand, occurred_at, event_id, line_no)
SELECT facility_no, item_no, 'A', 7, now(), gen_random_uuid(), 1
FROM facility_number, item_number
"""


@pytest.mark.timeout(60)
async def test_a_large_answer_takes_no_memory(running: Stack) -> None:
    """Neither here nor, as rows are read behind a cursor, in the driver."""
    await running.reset_database()
    connection = await asyncpg.connect(running.database_url)
    await connection.execute(f"SET search_path TO model_1; {FILL}")
    await connection.close()
    pulls = Pulls(ReadingSettings(database_url=running.database_url))
    count = 0
    async with pulls.open(None, Filters()) as found:
        async for rows in found.batches:
            count += len(rows)
            if count == len(rows):  # what the first batch takes isn't of interest
                gc.collect()
                tracemalloc.start()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == MANY
    assert peak < 5_000_000  # of some 30 MB


async def test_who_leaves_in_the_middle_leaves_in_order(running: Stack) -> None:
    """Postgres is at the next batch by then."""
    await running.reset_database()
    connection = await asyncpg.connect(running.database_url)
    await connection.execute(f"SET search_path TO model_1; {FILL}")
    await connection.close()
    pulls = Pulls(ReadingSettings(database_url=running.database_url))
    async with pulls.open(None, Filters()) as found:
        assert await anext(found.batches)


async def test_few_at_a_time(running: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    await running.reset_database()
    monkeypatch.setattr(pull, "MOST_AT_ONCE", 1)
    pulls = Pulls(ReadingSettings(database_url=running.database_url))
    async with pulls.open(None, Filters()):
        with pytest.raises(Unavailable, match="Others are reading"):
            async with pulls.open(None, Filters()):
                pass
    async with pulls.open(None, Filters()):
        pass


async def test_what_was_cut_off_has_no_end(
    api: Api, running: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing behind: no connection, no place among the few."""
    monkeypatch.setattr(pull, "MOST_AT_ONCE", 1)
    connection = await asyncpg.connect(running.database_url)
    await connection.execute(f"SET search_path TO model_1; {FILL}")
    async with api.client.stream("GET", "/v1/changes") as answer:
        async for _ in answer.aiter_bytes():
            break

    async def has_ended() -> bool:
        return not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dawalog-pull'"
        )

    await until(has_ended, "its connection is closed")
    answer = await api.client.get("/v1/changes", params={"facility_id": "F1"})
    assert len(answer.text.splitlines()) == MANY // 500 + 1
    await connection.close()
