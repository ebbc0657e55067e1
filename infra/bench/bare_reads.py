"""Baseline: reads as a user of FastAPI and asyncpg would serve them, by the same SQL.

`python -m infra.bench.bare_reads PORT`. What a statement yields goes out as it is: nothing is
folded into `usable` and states, no rates, no cursor, no position, age or tag of the answer, no
problem; filters are those that the benches ask by.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from infra.bench.stack import SCHEMA
from infra.serving import configure, listen
from projections.queries.item_stock import item_stock_statement
from projections.queries.rescue import RESCUE
from projections.queries.shortages import FIRST, shortages_statement
from projections.queries.stock import STOCK_NOW
from projections.queries.summary import PlaceKey, Wanted, places_statement
from projections.reading import session_settings
from projections.settings import ReadingSettings

JSON_COLUMNS = frozenset(("positions", "groups", "places", "shortages", "need", "donors", "rows"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = ReadingSettings()
    app.state.pool = await asyncpg.create_pool(
        settings.database_url,
        max_size=settings.read_connections,
        server_settings=session_settings(settings, "bare") | {"search_path": SCHEMA},
    )
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/v1/facilities/{facility_id}/stock")
async def read_stock(request: Request, facility_id: str, limit: int = 100) -> Response:
    return await _read(request, STOCK_NOW, facility_id, None, "", None, limit)


@app.get("/v1/summary")
async def read_summary(
    request: Request, by: PlaceKey, district: str | None = None, facility_id: str | None = None
) -> Response:
    wanted = Wanted(district_id=district, facility_id=facility_id)
    return await _read(request, places_statement(by, wanted), *wanted, None, 101)


@app.get("/v1/items/{item_id}/stock")
async def read_item_stock(request: Request, item_id: str, status: str | None = None) -> Response:
    wanted = (None, None, None, status)
    return await _read(request, item_stock_statement(*wanted), item_id, "", *wanted, 101)


@app.get("/v1/shortages")
async def read_shortages(request: Request, limit: int, district: str | None = None) -> Response:
    wanted = (None, district, None, None, None, None, None)
    return await _read(request, shortages_statement(wanted), *wanted, *FIRST, limit + 1)


@app.get("/v1/facilities/{facility_id}/items/{item_id}/rescue")
async def read_rescue(request: Request, facility_id: str, item_id: str) -> Response:
    return await _read(request, RESCUE, facility_id, None, item_id)


async def _read(request: Request, statement: str, *arguments: object) -> Response:
    row = await request.app.state.pool.fetchrow(statement, *arguments)
    body = {
        name: orjson.loads(value or "[]")
        if name in JSON_COLUMNS
        else [orjson.Fragment(each) for each in value or ()]
        if name == "items"
        else value
        for name, value in row.items()
    }
    return Response(orjson.dumps(body), media_type="application/json")


if __name__ == "__main__":
    uvicorn.Server(configure(app)).run(sockets=[listen("127.0.0.1", int(sys.argv[1]))])
