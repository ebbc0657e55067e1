"""Baseline: what a user of FastAPI and aiokafka would write. `python -m infra.bench.bare_app PORT`.

The same routes, producer settings and bytes of the records; FastAPI reads the body into a plain
pydantic model. No content hash, no pseudonyms, no check of facility or clock, no problem per
fault, no bound on what is in flight, no position in the answer.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata
from fastapi import FastAPI, Request
from pydantic import BaseModel

from infra.serving import configure, listen
from stream.log import COMPRESSION, MAX_BATCH_BYTES
from stream.settings import KafkaSettings, client_options
from stream.topics import MAX_MESSAGE_BYTES, STOCK_EVENTS

HEADERS: Final = [
    ("type", b"medicine_dispensed"),
    ("schema-version", b"1"),
    ("content-sha256", b"\0" * 32),
]


class Line(BaseModel):
    item_id: str
    lot: str
    quantity: int


class Dispense(BaseModel):
    event_id: UUID
    schema_version: int = 1
    facility_id: str
    occurred_at: datetime
    type: str
    channel: str
    lines: list[Line]
    recorded_by: str = "open"
    source: str = "api"


class Recorded(BaseModel):
    event_id: UUID
    recorded_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.producer = AIOKafkaProducer(
        **client_options(KafkaSettings()),
        acks="all",
        enable_idempotence=True,
        max_request_size=MAX_MESSAGE_BYTES,
        max_batch_size=MAX_BATCH_BYTES,
        compression_type=COMPRESSION,
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/events", status_code=202)
async def post_event(request: Request, event: Dispense) -> Recorded:
    return _recorded(event, await (await _send(request, event)))


@app.post("/v1/events/batch")
async def post_events(request: Request, events: list[Dispense]) -> list[Recorded]:
    sent = [await _send(request, event) for event in events]
    appended = await asyncio.gather(*sent)
    return [_recorded(event, one) for event, one in zip(events, appended, strict=True)]


async def _send(request: Request, event: Dispense) -> Awaitable[RecordMetadata]:
    producer: Any = request.app.state.producer
    sent: Awaitable[RecordMetadata] = await producer.send(
        STOCK_EVENTS,
        key=event.facility_id.encode(),
        value=event.model_dump_json().encode(),
        headers=HEADERS,
    )
    return sent


def _recorded(event: Dispense, appended: RecordMetadata) -> Recorded:
    return Recorded(
        event_id=event.event_id,
        recorded_at=datetime.fromtimestamp(appended.timestamp / 1000, UTC),
    )


if __name__ == "__main__":
    uvicorn.Server(configure(app)).run(sockets=[listen("127.0.0.1", int(sys.argv[1]))])
