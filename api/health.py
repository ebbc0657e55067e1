"""Whether this process lives, and whether it can append and read; its metrics."""

from typing import Annotated, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.openapi import PROBLEMS
from api.services import Services, services_of
from api.shapes import Shape
from projections.queries.positions import find_positions
from stream.errors import Unavailable

router = APIRouter(tags=["operation"])

KAFKA_SILENT_SECONDS: Final = 5.0

Purpose = Literal["append", "read"]


class Health(Shape):
    status: Literal["ok", "unavailable"]
    append: str | None = None
    """Why nothing can be appended; left out where it can."""
    read: str | None = None
    """Why no stock can be read; left out where it can."""


@router.get("/healthz", responses={200: {"model": Health}})
async def healthz() -> Response:
    """The process answers; says nothing of Kafka and Postgres."""
    return _report(True, {})


@router.get(
    "/readyz",
    responses={
        200: {"model": Health},
        422: PROBLEMS[422],
        503: {"model": Health, "description": "Not now; the answer says why."},
    },
)
async def readyz(
    request: Request, purpose: Annotated[Purpose | None, Query(alias="for")] = None
) -> Response:
    """Whether events can be appended and stock can be read; `for` asks for one of the two."""
    services = services_of(request)
    faults = {}
    if purpose != "read" and (fault := append_fault(services)):
        faults["append"] = fault
    if purpose != "append" and (fault := await read_fault(services)):
        faults["read"] = fault
    return _report(not faults, faults)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def append_fault(services: Services) -> str | None:
    age = services.reading.log_ends.age_seconds()
    if not services.log.is_connected or age is None or age > KAFKA_SILENT_SECONDS:
        return "Kafka can't be reached"
    if not services.directory.is_loaded:
        return "the registered facilities are not loaded yet"
    return None


async def read_fault(services: Services) -> str | None:
    try:
        await find_positions(services.read_model)
    except Unavailable as error:
        return error.detail
    return None


def _report(ready: bool, faults: dict[str, str]) -> Response:
    return Response(
        orjson.dumps({"status": "ok" if ready else "unavailable", **faults}),
        status_code=200 if ready else 503,
        media_type="application/json",
    )
