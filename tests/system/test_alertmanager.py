"""From an event in a pharmacy to what an officer's phone gets, over real parts alone."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from infra.local.ports import free_port
from tests.alertmanager import Receivers, listening_receivers, running_alertmanager
from tests.prometheus import running_prometheus
from tests.system.service import Service
from tests.tools import require
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)

VERIFYING = {
    "DAWALOG_VERIFY_FIRST_MINUTES": "0.02",
    "DAWALOG_VERIFY_EVERY_HOURS": "0.0003",
    "DAWALOG_VERIFY_SHARE": "1",
}


async def post(client: httpx.AsyncClient, event_type: str, **fields: Any) -> None:
    event = {
        "event_id": str(uuid4()),
        "type": event_type,
        "facility_id": "PHC-1",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    answer = await client.post("/v1/events", json=event | fields)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


async def open_shop(client: httpx.AsyncClient) -> None:
    """A counted centre with a vital item on its shelf."""
    place = {"name": "PHC Pushkar", "level": "PHC", "district_id": "AJMER", "state": "RJ"}
    item = {"name": "ORS", "base_unit": "sachet", "levels": ["PHC"], "ved": "V"}
    await client.put("/v1/districts/AJMER", json={"name": "Ajmer", "state": "RJ"})
    await client.put("/v1/facilities/PHC-1", json=place)
    answer = await client.put("/v1/items/ORS", json=item)
    client.headers["Dawalog-Min-Position"] = answer.json()["position"]
    client.headers["Prefer"] = "wait=20"
    lines = [{"item_id": "ORS", "lot": "A", "counted": 10}]
    await post(client, "stock_counted", complete=True, lines=lines)


def told(receivers: Receivers, receiver: str, status: str, **labels: str) -> Any:
    async def is_told() -> bool:
        return bool(receivers.alerts(receiver, status, **labels))

    return is_told


async def test_a_stock_out_reaches_the_officer_and_ends_with_a_receipt(
    service: Service, tmp_path: Path
) -> None:
    require("prometheus", "prometheus-alertmanager")
    port = free_port()
    address = f"127.0.0.1:{port}"
    service.settings_given = VERIFYING | {"DAWALOG_ALERTMANAGER_URL": f"http://{address}"}
    service.start()
    out = {"alertname": "out_of_stock", "district": "AJMER", "severity": "critical"}
    folder = tmp_path / "alertmanager"
    async with (
        listening_receivers() as receivers,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
    ):
        await open_shop(client)
        line = {"item_id": "ORS", "lot": "A", "quantity": 10}
        await post(client, "medicine_dispensed", channel="opd", lines=[line])
        # it is told once Alertmanager is there
        async with running_alertmanager(folder, receivers, port):
            await until(told(receivers, "ajmer-now", "firing", **out), "it is out", 90)
        [alert, *_] = receivers.alerts("ajmer-now", "firing", **out)
        assert alert["annotations"]["description"] == "ORS at PHC Pushkar."
        assert "1 at 1 facilities of Ajmer" in alert["annotations"]["summary"]
        assert alert["annotations"]["next_step"]
        runbook = await client.get(alert["annotations"]["runbook"])
        assert "(out_of_stock)" in runbook.text
        assert alert["generatorURL"].startswith(f"{service.url}/v1/alerts?rule=out_of_stock")
        assert (await client.get(alert["generatorURL"])).json()["alerts"]

        # and again after Alertmanager was killed, which keeps no alerts
        receivers.notices.clear()
        async with (
            running_alertmanager(folder, receivers, port) as alertmanager,
            running_prometheus(tmp_path / "prometheus", service.folder, alertmanager=address),
        ):
            await until(told(receivers, "ajmer-now", "firing", **out), "it is still out", 90)
            await kill_worker(service, alertmanager)
            assert len(receivers.alerts("ajmer-now", "firing", **out)) == 1
            await post(client, "stock_received", lines=[line | {"quantity": 100}])
            took = await until(told(receivers, "ajmer-now", "resolved", **out), "it came", 30)
            assert took < 15
            await check_drift(service, receivers)


async def kill_worker(service: Service, alertmanager: httpx.AsyncClient) -> None:
    """Until its successor has told Alertmanager what is open."""

    async def sent_at() -> str:
        answer = await alertmanager.get("/api/v2/alerts", params={"filter": 'scope="facility"'})
        [alert] = answer.json()
        assert alert["status"]["state"] == "active"
        told_at: str = alert["updatedAt"]
        return told_at

    killed = service.pids()["worker-1"]
    os.kill(killed, signal.SIGKILL)
    before = await sent_at()

    async def is_sent_again() -> bool:
        return service.pids().get("worker-1", killed) != killed and await sent_at() > before

    await until(is_sent_again, "another worker tells", 60)


async def check_drift(service: Service, receivers: Receivers) -> None:
    """Prometheus tells operators by the same way."""
    connection = await asyncpg.connect(service.database_url)
    await connection.execute("UPDATE model_1.card SET on_hand = on_hand + 1")
    await connection.close()
    drift = told(receivers, "operators-now", "firing", alertname="DawalogDrift")
    await until(drift, "operators are told of drift", 90)


SHORT = {"alertname": "out_of_stock", "concern": "shortage", "district": "AJMER"}


async def test_a_district_wide_shortage_mutes_those_of_its_facilities(tmp_path: Path) -> None:
    port = free_port()
    everywhere = SHORT | {"alertname": "short_in_district", "scope": "district", "item_id": "ORS"}
    here = SHORT | {"scope": "facility", "item_id": "ORS", "facility_id": "PHC-1"}
    other = SHORT | {"scope": "facility", "item_id": "PCM", "facility_id": "PHC-1"}
    async with (
        listening_receivers() as receivers,
        running_alertmanager(tmp_path / "alertmanager", receivers, port) as client,
    ):
        for labels in (everywhere, here, other):
            body = [{"labels": labels | {"severity": "critical"}, "annotations": {}}]
            assert (await client.post("/api/v2/alerts", json=body)).status_code == httpx.codes.OK
            await until(
                told(receivers, "ajmer-now", "firing", **other)
                if labels is other
                else told(receivers, "ajmer-now", "firing", **everywhere),
                "it is told",
            )
        assert not receivers.alerts("ajmer-now", "firing", **here)
