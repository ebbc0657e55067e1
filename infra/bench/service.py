"""A worker and an API on a bench's servers, with a state's facilities and items registered."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx

from infra.bench.events import Mix, facility_ids, item_ids
from infra.bench.preload import chunks
from infra.bench.stack import BenchStack, require_running
from infra.imports.api_client import ANSWER_SECONDS, ApiClient
from infra.local.part import Part
from infra.local.ports import LOOPBACK, free_port
from infra.local.probe import until_ok
from infra.local.throwaway import running
from stream.errors import Rejected

READY_SECONDS: Final = 60.0
BATCH: Final = 1_000


@asynccontextmanager
async def running_service(stack: BenchStack, mix: Mix, *, worker: bool) -> AsyncIterator[str]:
    """The API's address, once it takes events for the mix's facilities."""
    async with running_roles(stack, worker=worker) as url:
        await register(url, records(facility_ids(mix), item_ids(mix)))
        yield url


@asynccontextmanager
async def running_roles(stack: BenchStack, *, worker: bool) -> AsyncIterator[str]:
    """The API's address."""
    worker_port = free_port()
    async with AsyncExitStack() as parts:
        url = await parts.enter_async_context(serving_api(stack, "api"))
        if worker:
            port = {"DAWALOG_WORKER_METRICS_PORT": str(worker_port)}
            projecting = stack.part("worker", "infra.cli", "worker", **port)
            ready = f"http://{LOOPBACK}:{worker_port}/readyz"
            await parts.enter_async_context(serving(projecting, ready))
        yield url


@asynccontextmanager
async def serving_api(stack: BenchStack, name: str) -> AsyncIterator[str]:
    """The address of an API process, without tokens, as the baselines."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    opened = {"DAWALOG_API_PORT": str(port), "DAWALOG_OPEN_ACCESS": "true"}
    async with serving(stack.part(name, "infra.cli", "api", **opened), f"{url}/readyz"):
        yield url


@asynccontextmanager
async def serving_bare_reads(stack: BenchStack) -> AsyncIterator[str]:
    """The address of the baseline of reads."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    async with serving(stack.part("bare", "infra.bench.bare_reads", str(port)), f"{url}/readyz"):
        yield url


@asynccontextmanager
async def serving(part: Part, ready_url: str) -> AsyncIterator[None]:
    """A running part that answers; raises Unavailable with its last words if it ends before."""
    with running(part) as process:
        async with asyncio.timeout(READY_SECONDS):
            ready = asyncio.create_task(until_ok(ready_url))
            while not ready.done():
                require_running(process, part)
                await asyncio.wait([ready], timeout=0.1)
        yield


def records(facilities: Iterable[str], items: Iterable[str], **told: Any) -> list[dict[str, Any]]:
    """`told` is said of each item."""
    places: list[dict[str, Any]] = [
        {
            "kind": "facility",
            "facility_id": facility_id,
            "name": f"PHC {facility_id}",
            "level": "PHC",
            "district_id": "D1",
            "state": "Rajasthan",
        }
        for facility_id in facilities
    ]
    products: list[dict[str, Any]] = [
        {"kind": "item", "item_id": item_id, "name": f"Tablet {item_id}", "base_unit": "tablet"}
        | told
        for item_id in items
    ]
    return [*places, *products]


async def register(url: str, records: Iterable[dict[str, Any]]) -> None:
    """Put reference records in by the API; raises Rejected for one that it refuses."""
    async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS) as client:
        api = ApiClient(client)
        for batch in chunks(records, BATCH):
            for problem in filter(None, await api.post_batch("/v1/reference/batch", batch)):
                raise Rejected("refused", problem)
