"""Nobody who posts or reads notices a rebuild, but by what it says itself."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from stream.tokens import PositionToken
from tests.system.service import DAWALOG, Service, environment

pytestmark = pytest.mark.timeout(240)

FACILITY = {"name": "PHC One", "level": "PHC", "district_id": "ajmer", "state": "RJ"}
MODELS = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^model_'"
BEFORE, AFTER = 20, 10
"""So many posts there are before the rebuild, and at least so many after it."""


@dataclass
class Counter:
    """A pharmacy that receives one tablet at a time, and reads its stock after each."""

    client: httpx.AsyncClient
    facility_id: str
    position: str = ""
    posted: int = 0

    async def register(self) -> None:
        answer = await self.client.put(f"/v1/facilities/{self.facility_id}", json=FACILITY)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        self.position = answer.headers["Dawalog-Position"]

    async def receive(self) -> None:
        """Post, and see it in the stock: all of it and no more."""
        event = {
            "event_id": str(uuid4()),
            "type": "stock_received",
            "facility_id": self.facility_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            "lines": [{"item_id": "ors", "lot": "A", "quantity": 1}],
        }
        answer = await self.client.post("/v1/events", json=event, headers=after(self.position))
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        self.posted += 1
        self.position = answer.json()["position"]
        stock = await self.read(after(self.position))
        assert stock["items"][0]["on_hand"] == self.posted

    async def read(self, headers: dict[str, str]) -> Any:
        answer = await self.client.get(f"/v1/facilities/{self.facility_id}/stock", headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()


def after(position: str) -> dict[str, str]:
    return {"Dawalog-Min-Position": position, "Prefer": "wait=30"}


async def receive_until(counter: Counter, done: asyncio.Event) -> None:
    while not done.is_set():
        await counter.receive()


async def watch_until(counter: Counter, done: asyncio.Event) -> int:
    """Read without waiting for anything: what was seen once is never gone again."""
    newest, on_hand, reads = PositionToken("", {}), 0, 0
    while not done.is_set():
        stock = await counter.read({})
        token = PositionToken.parse(stock["position"])
        assert newest.reached_by(token.offsets), (newest, token)
        assert stock["items"][0]["on_hand"] >= on_hand
        newest, on_hand, reads = token, stock["items"][0]["on_hand"], reads + 1
    return reads


async def run(*words: str, folder: str) -> Any:
    """What a command answers in JSON."""
    process = await asyncio.create_subprocess_exec(
        *(DAWALOG, *words, "--json", "--data-dir", folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    said, complaint = await process.communicate()
    assert process.returncode == 0, (said, complaint.decode())
    return json.loads(said)


async def ask(service: Service, statement: str) -> list[Any]:
    """The first column of what the service's database answers."""
    connection = await asyncpg.connect(service.database_url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_reads_and_posts_go_on(service: Service) -> None:
    service.start()
    folder = str(service.folder)
    done = asyncio.Event()
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        counters = [Counter(client, f"PHC-{number}") for number in range(4)]
        for counter in counters:
            await counter.register()
            await counter.receive()
        for _ in range(BEFORE):
            await asyncio.gather(*(counter.receive() for counter in counters))
        async with asyncio.TaskGroup() as tasks:
            for counter in counters:
                tasks.create_task(receive_until(counter, done))
            watching = tasks.create_task(watch_until(counters[0], done))
            rebuilt = await run("rebuild", folder=folder)
            for _ in range(AFTER):
                await counters[1].read(after(counters[1].position))
            done.set()
    assert watching.result() > BEFORE
    assert rebuilt["model"] == 2
    assert rebuilt["verdict"]["drift_rows"] == 0
    verdict = await run("verify", folder=folder)
    assert verdict["drift_rows"] == 0
    assert verdict["events"] == sum(counter.posted for counter in counters)
    assert await ask(service, MODELS) == ["model_2"]
    worker = (service.folder / "logs" / "worker-1.log").read_text()
    assert "read model 2 is live now" in worker
    assert "critical" not in worker
    assert service.stop() == 0


async def test_up_makes_the_model_of_an_older_program_anew(service: Service) -> None:
    service.start()
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        counter = Counter(client, "PHC-1")
        await counter.register()
        await counter.receive()
    await ask(service, "UPDATE dawalog.live_model SET definition = 0 RETURNING number")
    assert service.stop() == 0

    url = service.start()
    assert await ask(service, MODELS) == ["model_2"]
    assert "the new read model is live" in service.log
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        counter.client = client
        await counter.receive()
    assert service.stop() == 0
