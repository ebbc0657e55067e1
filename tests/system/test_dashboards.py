"""Every query of every dashboard on the demo: a real Prometheus, a real Postgres, none empty."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from infra.grafana.writing import FOLDER
from projections.reader import READABLE, ROLE
from tests.prometheus import Prometheus, running_prometheus
from tests.system.service import Service
from tests.tools import require
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)

SETTINGS = {"DAWALOG_VERIFY_FIRST_MINUTES": "0.05", "DAWALOG_VERIFY_SHARE": "1"}
FILLED_WITHIN_SECONDS = 60

CHOSEN = {
    "$district": "RJ-AJM",
    "$facility": "RJ-AJM-PHC-FATEHGARH",
    "$__rate_interval": "10s",
}


async def keep_asking(client: httpx.AsyncClient) -> None:
    """Some traffic beside the demo's own: what is read, and what is refused."""
    assert (await client.get("/v1/facilities")).status_code == httpx.codes.OK
    answer = await client.put("/v1/items/ORS", json={})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


@asynccontextmanager
async def reader(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """As Grafana connects: a user of the operator's own with the role."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(f"CREATE ROLE grafana LOGIN PASSWORD 'secret' IN ROLE {ROLE}")
    await owner.close()
    url = urlsplit(database_url)
    place = f"grafana:secret@{url.hostname}:{url.port}"
    connection = await asyncpg.connect(urlunsplit(url._replace(netloc=place)))
    try:
        yield connection
    finally:
        await connection.close()


def queries() -> list[tuple[str, str, dict[str, Any]]]:
    """Dashboard, panel and target."""
    return [
        (path.stem, panel["title"], target)
        for path in sorted(FOLDER.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]


def chosen(text: str) -> str:
    for name, value in CHOSEN.items():
        text = text.replace(name, value)
    return text


async def has_data(prometheus: Prometheus, target: dict[str, Any], since: float) -> bool:
    expr = chosen(target["expr"])
    if target.get("instant"):
        series = await prometheus.ask(expr)
        return any(one["value"][1] != "NaN" for one in series)
    series = await prometheus.ask_range(expr, start=since, end=time.time())
    return any(value != "NaN" for one in series for _, value in one["values"])


async def has_rows(connection: asyncpg.Connection, sql: str) -> bool:
    number = await connection.fetchval("SELECT 'model_' || number FROM dawalog.live_model")
    now = datetime.now(UTC)
    sql = chosen(sql).replace("${model}", number)
    sql = sql.replace("$__timeFrom()", f"'{now - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}'")
    sql = sql.replace("$__timeTo()", f"'{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}'")
    assert "$" not in sql
    return bool(await connection.fetch(sql))


async def test_no_panel_of_the_demo_is_empty(tmp_path: Path) -> None:
    require("prometheus")
    service = Service(tmp_path / "data", command="demo", settings_given=SETTINGS)
    with closing(service):
        service.start()
        token = service.token("--role", "nhm")
        since = time.time()
        async with (
            httpx.AsyncClient(
                base_url=service.url, timeout=30, headers={"Authorization": f"Bearer {token}"}
            ) as client,
            running_prometheus(tmp_path / "prometheus", service.folder) as prometheus,
            reader(service.database_url) as connection,
        ):
            await check_panels(client, prometheus, connection, since)
            assert not await prometheus.firing() - {"DawalogPostsRefused"}
            await check_choices(connection)
            await check_reach(connection)


async def check_panels(
    client: httpx.AsyncClient,
    prometheus: Prometheus,
    connection: asyncpg.Connection,
    since: float,
) -> None:
    """All have data at one time."""
    asked = queries()
    assert len(asked) > 40

    async def is_full(target: dict[str, Any]) -> bool:
        if "rawSql" in target:
            return await has_rows(connection, target["rawSql"])
        return await has_data(prometheus, target, since)

    async def are_full() -> bool:
        await keep_asking(client)
        empty = [place for *place, target in asked if not await is_full(target)]
        print("empty:", empty)
        return not empty

    await until(are_full, "every panel has data", FILLED_WITHIN_SECONDS)


async def check_choices(connection: asyncpg.Connection) -> None:
    for path in FOLDER.glob("*.json"):
        for variable in json.loads(path.read_text())["templating"].get("list", []):
            assert await has_rows(connection, variable["query"]), variable["name"]


async def check_reach(connection: asyncpg.Connection) -> None:
    """It reads figures, writes nothing and sees nothing of an event."""
    await connection.execute("SET search_path = model_1")
    for table in READABLE:
        await connection.execute(f"SELECT * FROM {table} LIMIT 1")
    for forbidden in ("SELECT * FROM event", "SELECT * FROM ledger_entry", "DELETE FROM stock_out"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)
