"""Baseline: a facility's stock as a user of FastAPI and asyncpg would serve it, by the same SQL.

`python -m infra.bench.bare_stock PORT`. What the statement yields goes out as it is: nothing is
folded into `usable` and states, no cursor, no position or age of the answer, no filter, no problem.
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
from projections.queries.stock import STOCK_NOW
from projections.reading import session_settings
from projections.settings import ReadingSettings

JSON_COLUMNS = ("positions", "items")


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
    row = await request.app.state.pool.fetchrow(STOCK_NOW, facility_id, None, "", None, limit)
    body = dict(row) | {name: orjson.loads(row[name] or "[]") for name in JSON_COLUMNS}
    return Response(orjson.dumps(body), media_type="application/json")


if __name__ == "__main__":
    uvicorn.Server(configure(app)).run(sockets=[listen("127.0.0.1", int(sys.argv[1]))])
