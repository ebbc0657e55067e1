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

from alerts.wording import tell_group, tell_single
from infra.local.ports import free_port
from projections.queries.open_alerts import About, Group, Single, Turn, Turns
from tests.alertmanager import Receivers, listening_receivers, running_alertmanager
from tests.prometheus import running_prometheus
from tests.system.service import Service
from tests.tools import require
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)

URL = "http://dawalog"
NOW = datetime.now(UTC).isoformat()
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


def single(rule: str, facility_id: str | None, item_id: str, lot: str | None = None) -> Single:
    about = About(facility_id, None, item_id, None, lot, None, NOW)
    return Single("A1", rule, "AJMER", "Ajmer", NOW, about, Turn("district", None, None))


def group(rule: str, facility_id: str | None) -> Group:
    about = About(facility_id, None, "PCM", None, None, None, NOW)
    return Group(rule, "AJMER", "Ajmer", 1, 1, NOW, [about], [Turns("district", None, 1)])


async def test_a_shortage_over_a_district_mutes_that_of_its_facilities_alone(
    tmp_path: Path,
) -> None:
    told = {
        "muted": tell_single(single("out_of_stock", "PHC-1", "ORS"), URL),
        "of all its facilities": tell_single(single("district_shortage", None, "ORS"), URL),
        "another item": tell_single(single("out_of_stock", "PHC-1", "PCM"), URL),
        "a recall": tell_single(single("recalled_stock", "PHC-1", "ORS", "B7"), URL),
        "others at once": tell_group(group("out_of_stock", "PHC-1"), URL),
        "many items over the district": tell_group(group("district_shortage", None), URL),
    }
    async with (
        listening_receivers() as receivers,
        running_alertmanager(tmp_path / "alertmanager", receivers, free_port()) as client,
    ):
        answer = await client.post("/api/v2/alerts", json=list(told.values()))
        assert answer.status_code == httpx.codes.OK, answer.text

        async def find_muted() -> set[str]:
            known = (await client.get("/api/v2/alerts")).json()
            muted = [one["labels"] for one in known if one["status"]["state"] == "suppressed"]
            return {name for name, alert in told.items() if alert["labels"] in muted}

        async def are_told() -> bool:
            known = (await client.get("/api/v2/alerts")).json()
            states = [one["status"]["state"] for one in known]
            return len(states) == len(told) and "unprocessed" not in states

        await until(are_told, "it is told")
        assert await find_muted() == {"muted"}
