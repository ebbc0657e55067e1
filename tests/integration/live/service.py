"""An API that serves real connections, and readers of its live stream."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.live_hub import LiveHub
from infra.serving import configure, listen
from stream.tokens import PositionToken
from tests.api import api_settings
from tests.integration.reading.rows import event_uuid
from tests.stack import Stack
from tests.waiting import until

LATEST_SECONDS = 30.0
Data = dict[str, Any]


@dataclass
class Api:
    app: FastAPI
    client: httpx.AsyncClient
    server: uvicorn.Server
    number: int = 0

    @property
    def hub(self) -> LiveHub:
        hub: LiveHub = self.app.state.services.reading.live
        return hub

    @property
    def port(self) -> int:
        assert self.client.base_url.port
        return self.client.base_url.port

    async def register(self, *facility_ids: str, district: str = "D1") -> str:
        """A token that says: after that."""
        for facility_id in facility_ids:
            record = {"name": "P", "level": "PHC", "district_id": district, "state": "RJ"}
            at = await self.put(f"/v1/facilities/{facility_id}", record)
        return at

    async def put(self, path: str, record: Data) -> str:
        answer = await self.client.put(path, json=record)
        assert answer.status_code == 202, answer.text
        return answer.headers["Dawalog-Position"]

    async def post(self, event: Data, *, after: str = "") -> str:
        headers = {"Dawalog-Min-Position": after, "Prefer": "wait=30"}
        answer = await self.client.post("/v1/events", json=event, headers=headers)
        assert answer.status_code == 202, answer.text
        return answer.headers["Dawalog-Position"]

    async def receive(self, facility_id: str, item_id: str, quantity: int, lot: str = "A") -> str:
        line = {"item_id": item_id, "lot": lot, "expiry": "2099-01", "quantity": quantity}
        return await self.post(self.event("stock_received", facility_id, lines=[line]))

    def event(
        self, event_type: str, facility_id: str, *, minutes_ago: float = 0.0, **fields: Any
    ) -> Data:
        self.number += 1
        return {
            "event_id": event_uuid(self.number),
            "type": event_type,
            "facility_id": facility_id,
            "occurred_at": (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat(),
            **fields,
        }

    async def item(self, facility_id: str, item_id: str, *, at: str = "") -> Data:
        """The row as the facility's stock has it."""
        headers = {"Dawalog-Min-Position": at, "Prefer": "wait=30"}
        path = f"/v1/facilities/{facility_id}/stock"
        answer = await self.client.get(path, params={"item_id": item_id}, headers=headers)
        assert answer.status_code == 200, answer.text
        (item,) = answer.json()["items"]
        return {"facility_id": facility_id, **item}

    async def pull(self, after: str | None = None, **parameters: Any) -> tuple[list[Data], str]:
        """The rows, and where to go on."""
        parameters |= {"after": after} if after is not None else {}
        answer = await self.client.get("/v1/changes", params=parameters)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        *rows, last = map(orjson.loads, answer.text.splitlines())
        assert last.keys() == {"next"}
        return rows, last["next"]


@asynccontextmanager
async def running_api(stack: Stack, folder: Path, port: int = 0) -> AsyncIterator[Api]:
    app = create_app(api_settings(stack, folder))
    config = configure(app)
    config.load()
    config.timeout_graceful_shutdown = 5
    listener = listen("127.0.0.1", port)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))  # without its signal handlers
    try:

        async def has_started() -> bool:
            assert not serving.done()
            return server.started

        await until(has_started, "the API serves")
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=40) as client:
            yield Api(app, client, server)
    finally:
        app.state.services.reading.live.close()
        server.should_exit = True
        await serving


@dataclass(frozen=True)
class Message:
    """One block of the stream; `event` is empty where only an id came."""

    event: str
    data: Data
    id: str
    comment: str

    @property
    def token(self) -> PositionToken:
        return PositionToken.parse(self.id)


@dataclass
class Stream:
    """A reader that keeps what came; `last_id` is what it would resume with."""

    answer: httpx.Response
    last_id: str = ""
    _messages: "asyncio.Queue[Message | None]" = field(default_factory=asyncio.Queue)

    async def read(self) -> None:
        lines: dict[str, str] = {}
        async for line in self.answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                lines[name or "comment"] = value
            elif lines:
                data = orjson.loads(lines.get("data", "{}"))
                self.last_id = lines.get("id", self.last_id)
                self._messages.put_nowait(
                    Message(lines.get("event", ""), data, self.last_id, lines.get("comment", ""))
                )
                lines = {}
        self._messages.put_nowait(None)

    async def next(self) -> Message | None:
        """The next block; None at the stream's end."""
        async with asyncio.timeout(LATEST_SECONDS):
            return await self._messages.get()

    async def next_event(self) -> Message:
        while True:
            message = await self.next()
            assert message is not None, "the stream has ended"
            if message.event:
                return message

    async def next_row(self) -> Data:
        message = await self.next_event()
        assert message.event == "stock"
        return message.data

    async def until(self, row: Data) -> list[Data]:
        """The rows up to this one."""
        rows = [await self.next_row()]
        while rows[-1] != row:
            rows.append(await self.next_row())
        return rows


@asynccontextmanager
async def reading(api: Api, last_event_id: str = "", **parameters: Any) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with api.client.stream("GET", "/v1/live", params=parameters, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        stream = Stream(answer)
        task = asyncio.create_task(stream.read())
        try:
            yield stream
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await task


def deaf_reader(port: int) -> socket.socket:
    """A connection that asks for everything and then reads nothing."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(b"GET /v1/live HTTP/1.1\r\nHost: dawalog\r\n\r\n")
    return deaf
