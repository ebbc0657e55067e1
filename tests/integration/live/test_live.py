"""What changes reaches all who read, and never an older figure after a newer one."""

import signal
from pathlib import Path

import httpx
import pytest

from api import live
from infra.local.ports import free_port
from stream.tokens import PositionToken
from tests.integration.live.service import Api, reading, running_api
from tests.stack import Stack
from tests.waiting import until
from tests.workers import Worker, running_worker

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.timeout(90)]


async def test_a_change_arrives_as_the_stock_tells_it(api: Api) -> None:
    await api.put(
        "/v1/items/PCM", {"name": "Paracetamol", "base_unit": "tablet", "levels": ["PHC"]}
    )
    at = await api.register("F1")
    async with reading(api) as stream:
        line = {"item_id": "PCM", "lot": "A", "expiry": "2099-01", "quantity": 100}
        at = await api.post(api.event("stock_received", "F1", lines=[line]), after=at)
        message = await stream.next_event()
        assert message.event == "stock"
        assert message.data == await api.item("F1", "PCM", at=at)
        assert message.data["name"] == "Paracetamol"
        assert message.data["essential"] is True
        # the position holds the change: a read that waits for it has it
        assert message.token.reached_by(PositionToken.parse(message.id).offsets)
        assert PositionToken.parse(at).reached_by(message.token.offsets)


async def test_what_names_an_item_changes_it(api: Api) -> None:
    """Late entries, reversals, corrections, complete counts, holds and recalls."""
    at = await api.register("F1")
    other = await api.receive("F1", "ORS", 5)
    async with reading(api, facility_id="F1", last_event_id=other) as stream:
        received = api.event(
            "stock_received", "F1", minutes_ago=60, lines=[_line("A", 100), _line("B", 50)]
        )
        at = await api.post(received, after=at)
        await stream.until(await api.item("F1", "PCM", at=at))

        counted = {"item_id": "PCM", "lot": "A", "counted": 90}
        at = await api.post(api.event("stock_counted", "F1", complete=True, lines=[counted]))
        row = await api.item("F1", "PCM", at=at)
        assert row["on_hand"] == 90
        await stream.until(row)

        late = api.event("stock_received", "F1", minutes_ago=30, lines=[_line("C", 7)])
        at = await api.post(late)
        row = await api.item("F1", "PCM", at=at)
        assert row["on_hand"] == 90
        assert [lot["lot"] for lot in row["lots"]] == ["A", "B", "C"]
        await stream.until(row)

        held = api.event("lot_held", "F1", item_id="PCM", lot="A", reason="broken seal")
        at = await api.post(held)
        row = await api.item("F1", "PCM", at=at)
        assert row["usable"] == 0
        await stream.until(row)

        at = await api.post(
            api.event("event_reversed", "F1", reverses=held["event_id"], reason="slip")
        )
        row = await api.item("F1", "PCM", at=at)
        assert row["usable"] == 90
        await stream.until(row)

        moved = api.event(
            "stock_received", "F1", corrects=late["event_id"], lines=[_line("C", 1, "ORS")]
        )
        at = await api.post(moved)
        rows = {row["item_id"]: row for row in [await stream.next_row(), await stream.next_row()]}
        for item_id in ("PCM", "ORS"):  # what is corrected, and what takes its place
            assert rows[item_id] == await api.item("F1", item_id, at=at)

        recall = {"item_id": "PCM", "lot": "a", "reason": "colour"}
        at = await api.put("/v1/recalls/R1", recall)
        row = await api.item("F1", "PCM", at=at)
        assert row["lots"][0]["state"] == "recalled"
        await stream.until(row)
        at = await api.put("/v1/recalls/R1", recall | {"lot": "zzz"})
        row = await api.item("F1", "PCM", at=at)
        assert row["lots"][0]["state"] == "usable"
        await stream.until(row)


async def test_filters(api: Api) -> None:
    await api.register("F1", "F2")
    at = await api.register("G1", district="D2")
    async with (
        reading(api, facility_id=["F1", "G1"]) as of_facilities,
        reading(api, district="D1") as of_district,
        reading(api, item_id="ORS") as of_item,
        reading(api, district="D1", facility_id=["F1", "G1"], item_id=["ORS", "PCM"]) as of_all,
    ):
        for facility_id, item_id in (
            ("F2", "PCM"),
            ("G1", "ORS"),
            ("F2", "ORS"),
            ("F1", "ZINC"),
            ("F1", "PCM"),
        ):
            line = _line("A", 10, item_id)
            at = await api.post(api.event("stock_received", facility_id, lines=[line]), after=at)
            await api.item(facility_id, item_id, at=at)
        last = await api.receive("F1", "ORS", 3)
        row = await api.item("F1", "ORS", at=last)
        told = [
            [(one["facility_id"], one["item_id"]) for one in await stream.until(row)]
            for stream in (of_facilities, of_district, of_item, of_all)
        ]
    assert told == [
        [("G1", "ORS"), ("F1", "ZINC"), ("F1", "PCM"), ("F1", "ORS")],
        [("F2", "PCM"), ("F2", "ORS"), ("F1", "ZINC"), ("F1", "PCM"), ("F1", "ORS")],
        [("G1", "ORS"), ("F2", "ORS"), ("F1", "ORS")],
        [("F1", "PCM"), ("F1", "ORS")],
    ]


async def test_goes_on_where_it_was_cut_off(
    api: Api, stack: Stack, tmp_path: Path, worker: Worker
) -> None:
    """Also over a restart of the API, with changes meanwhile that nobody listened to."""
    await api.register("F1", "F2")
    at = await api.receive("F1", "PCM", 10)
    await api.item("F1", "PCM", at=at)
    async with reading(api) as stream:
        message = await stream.next()
        assert message is not None
        assert not message.event  # only where it stands
        at = await api.receive("F1", "PCM", 1)
        await stream.until(await api.item("F1", "PCM", at=at))
        resume_with = stream.last_id
    for item_id in ("PCM", "ORS", "ORS"):
        at = await api.receive("F2", item_id, 7)
    await api.item("F2", "ORS", at=at)
    async with running_api(stack, tmp_path) as restarted:
        async with reading(restarted, last_event_id=resume_with) as stream:
            rows = [await stream.next_row(), await stream.next_row()]
            assert {row["item_id"]: row["on_hand"] for row in rows} == {"PCM": 7, "ORS": 14}
            at = await api.receive("F1", "ZINC", 2)
            assert await stream.next_row() == await api.item("F1", "ZINC", at=at)
            quiet_since = stream.last_id
        # nothing since: nothing is told again
        async with reading(restarted, last_event_id=quiet_since) as stream:
            at = await api.receive("F1", "ORS", 3)
            assert await stream.next_row() == await api.item("F1", "ORS", at=at)
        # a token of a post will do
        async with reading(restarted, last_event_id=at, facility_id="F2") as stream:
            rows = [await stream.next_row(), await stream.next_row()]
            assert {row["item_id"] for row in rows} == {"PCM", "ORS"}


@pytest.mark.parametrize("last_event_id", ["none of ours", PositionToken("other", {}).encode()])
async def test_starts_anew_where_it_cannot_go_on(api: Api, last_event_id: str) -> None:
    await api.register("F1")
    async with reading(api, last_event_id=last_event_id) as stream:
        message = await stream.next_event()
        assert (message.event, message.data) == ("reset", {"reason": "unknown_position"})
        at = await api.receive("F1", "PCM", 1)
        assert await stream.next_row() == await api.item("F1", "PCM", at=at)


async def test_starts_anew_when_too_much_was_missed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live_hub.MOST_RECORDS", 3)
    await api.register("F1")
    at = before = await api.receive("F1", "PCM", 1)
    for _ in range(4):
        at = await api.receive("F1", "PCM", 1)
    await api.item("F1", "PCM", at=at)
    async with reading(api, last_event_id=before) as stream:
        message = await stream.next_event()
        assert (message.event, message.data) == ("reset", {"reason": "too_many"})
        resume_with = message.id
    async with reading(api, last_event_id=resume_with) as stream:
        at = await api.receive("F1", "PCM", 1)
        assert await stream.next_row() == await api.item("F1", "PCM", at=at)


async def test_a_quiet_stream_says_where_it_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.2)
    await api.register("F1", "F2")
    async with reading(api, facility_id="F1") as stream:
        at = await api.receive("F2", "PCM", 1)
        await api.item("F2", "PCM", at=at)
        while True:
            message = await stream.next()
            assert message is not None
            assert not message.event
            if PositionToken.parse(at).reached_by(message.token.offsets):
                break
        assert message.comment == "heartbeat"


async def test_ends_when_the_server_does(stack: Stack, tmp_path: Path) -> None:
    async with running_api(stack, tmp_path) as api, reading(api) as stream:
        await stream.next()
        api.hub.close()
        assert await stream.next() is None
        refused = await api.client.get("/v1/live")
        assert refused.status_code == 503


async def test_a_stopped_process_does_not_wait_for_its_streams(
    stack: Stack, tmp_path: Path
) -> None:
    """Else every restart would take as long as uvicorn has patience: 10 s."""
    port = free_port()
    environment = {
        "DAWALOG_API_PORT": str(port),
        "DAWALOG_OPEN_ACCESS": "true",
        "DAWALOG_KEY_FILE": str(tmp_path / "keys.json"),
    }
    command = ("-P", "-m", "infra.cli", "api")
    with running_worker(stack, tmp_path / "api.log", command=command, **environment) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=40) as client:

            async def is_ready() -> bool:
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_ready, "the API is ready", 40)
            async with client.stream("GET", "/v1/live") as answer:
                blocks = answer.aiter_bytes()
                assert (await anext(blocks)).startswith(b"id: ")
                process.signal(signal.SIGTERM)
                rest = [block async for block in blocks]
                assert rest == []
        assert await process.until_ended(6) == 0


def _line(lot: str, quantity: int, item_id: str = "PCM") -> dict[str, object]:
    return {"item_id": item_id, "lot": lot, "expiry": "2099-01", "quantity": quantity}
