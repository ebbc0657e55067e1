"""Every query of every dashboard, on a real Prometheus and a real Postgres: none without data."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

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

CHOSEN = {"$district": "AJMER", "$facility": "PHC-1", "$__rate_interval": "10s"}


def event(event_type: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "type": event_type,
        "facility_id": "PHC-1",
        "occurred_at": datetime.now(UTC).isoformat(),
        "lines": list(lines),
    } | fields


async def fill(client: httpx.AsyncClient) -> None:
    """A centre that was counted, has served and is out of one of two items."""
    expiry = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    answers = [
        await client.put("/v1/districts/AJMER", json={"name": "Ajmer", "state": "RJ"}),
        await client.put(
            "/v1/facilities/PHC-1",
            json={"name": "PHC Pushkar", "level": "PHC", "district_id": "AJMER", "state": "RJ"},
        ),
        *[
            await client.put(
                f"/v1/items/{item_id}",
                json={"name": item_id, "base_unit": "tablet", "levels": ["PHC"], "ved": "V"},
            )
            for item_id in ("ORS", "PCM")
        ],
    ]
    after = {"Dawalog-Min-Position": answers[1].json()["position"], "Prefer": "wait=20"}
    ors = {"item_id": "ORS", "lot": "A", "expiry": expiry}
    posts = [
        event("stock_counted", ors | {"counted": 100}, complete=True),
        event(
            "medicine_dispensed",
            {"item_id": "ORS", "lot": "A", "quantity": 2},
            {"item_id": "PCM", "quantity": 0, "prescribed": 5},
            channel="opd",
        ),
    ]
    answers += [await client.post("/v1/events", json=post, headers=after) for post in posts]
    assert {answer.status_code for answer in answers} == {202}


async def keep_asking(client: httpx.AsyncClient) -> None:
    """Some traffic: what is read, posted, refused."""
    await client.get("/v1/facilities/PHC-1/stock")
    await client.get("/v1/facilities")
    line = {"item_id": "ORS", "lot": "A", "quantity": 1}
    await client.post("/v1/events", json=event("medicine_dispensed", line, channel="opd"))
    await client.post("/v1/events", json={})


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


async def test_no_panel_is_empty(service: Service, tmp_path: Path) -> None:
    require("prometheus")
    service.settings_given = SETTINGS
    service.start()
    since = time.time()
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        running_prometheus(tmp_path / "prometheus", service.folder) as prometheus,
        reader(service.database_url) as connection,
    ):
        await fill(client)
        empty = queries()
        assert len(empty) > 40

        async def is_full() -> bool:
            await keep_asking(client)
            for one in list(empty):
                target = one[2]
                is_sql = "rawSql" in target
                if await (
                    has_rows(connection, target["rawSql"])
                    if is_sql
                    else has_data(prometheus, target, since)
                ):
                    empty.remove(one)
            return not empty

        try:
            await until(is_full, "every panel has data", FILLED_WITHIN_SECONDS)
        except AssertionError:
            assert [one[:2] for one in empty] == []
        assert not await prometheus.firing() - {"DawalogPostsRefused"}
        await check_choices(connection)
        await check_reach(connection)


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
