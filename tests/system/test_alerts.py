"""From a prescription to an alert, in a whole service; and through a worker's end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx
import pytest

from tests.system.service import Service, dawalog
from tests.waiting import until

FACILITY = "PHC-1"
VISIBLE_WITHIN_SECONDS = 1.0

NUMBERS = count()


class Pharmacy:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, kind: str, item_id: str, **line: Any) -> str:
        """The position at which it is recorded."""
        event = {
            "event_id": str(uuid5(NAMESPACE_OID, f"alerts {next(NUMBERS)}")),
            "type": kind,
            "facility_id": FACILITY,
            "occurred_at": datetime.now(UTC).isoformat(),
            "lines": [{"item_id": item_id, "lot": "A1", **line}],
            **({"channel": "opd"} if kind == "medicine_dispensed" else {}),
            **({"complete": True} if kind == "stock_counted" else {}),
        }
        answer = await self.client.post("/v1/events", json=event, headers={"Prefer": "wait=10"})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["position"])

    async def alerts(self, *states: str, rule: str = "out_of_stock") -> list[dict[str, Any]]:
        answer = await self.client.get(
            "/v1/alerts", params={"facility_id": FACILITY, "state": states, "rule": rule}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        alerts: list[dict[str, Any]] = answer.json()["alerts"]
        return alerts

    async def until_alerts(self, number: int, *states: str, within: float = 30) -> float:
        async def are_there() -> bool:
            return len(await self.alerts(*states)) == number

        return await until(are_there, f"{number} alerts that are {states}", within)


async def open_pharmacy(client: httpx.AsyncClient) -> Pharmacy:
    """Registered and counted; ten items, ten tablets of each."""
    records: list[dict[str, Any]] = [
        {
            "kind": "item",
            "item_id": f"I{number}",
            "name": f"Item {number}",
            "base_unit": "tablet",
            "levels": ["PHC"],
            "ved": "V",
        }
        for number in range(10)
    ]
    records.append(
        {
            "kind": "facility",
            "facility_id": FACILITY,
            "name": "PHC Chaksu",
            "level": "PHC",
            "district_id": "JAIPUR",
            "state": "RJ",
        }
    )
    answer = await client.post("/v1/reference/batch", json=records)
    assert answer.json()["rejected"] == 0, answer.text
    client.headers["Dawalog-Min-Position"] = answer.json()["position"]
    client.headers["Prefer"] = "wait=20"
    pharmacy = Pharmacy(client)
    for number in range(10):
        await pharmacy.post("stock_counted", f"I{number}", expiry="2030-01", counted=10)
    return pharmacy


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    url = await asyncio.to_thread(service.start)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield client


@pytest.mark.timeout(240)
async def test_a_stock_out_shows_within_a_second(
    service: Service, client: httpx.AsyncClient
) -> None:
    pharmacy = await open_pharmacy(client)
    took = []
    for number in range(10):
        await pharmacy.post("medicine_dispensed", f"I{number}", quantity=10)
        took.append(await pharmacy.until_alerts(number + 1, "open"))
    assert max(took) < VISIBLE_WITHIN_SECONDS, took
    alert = (await pharmacy.alerts("open"))[0]
    answer = await client.post(f"/v1/alerts/{alert['alert_id']}/acknowledgement", json={})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    client.headers["Dawalog-Min-Position"] = answer.json()["position"]
    assert (await pharmacy.alerts("acknowledged"))[0]["alert_id"] == alert["alert_id"]
    await pharmacy.post("stock_received", alert["item_id"], quantity=50)
    assert await pharmacy.until_alerts(1, "closed") < VISIBLE_WITHIN_SECONDS
    assert await asyncio.to_thread(service.stop) == 0


@pytest.mark.timeout(300)
async def test_a_killed_worker_opens_nothing_twice_and_misses_nothing(
    service: Service, client: httpx.AsyncClient
) -> None:
    pharmacy = await open_pharmacy(client)
    for number in range(6):
        await pharmacy.post("medicine_dispensed", f"I{number}", quantity=10)
        await asyncio.sleep(0.02 * number)  # at another point of the way each time
        os.kill(service.pids()["worker-1"], signal.SIGKILL)
        await pharmacy.until_alerts(number + 1, "open", within=60)
    alerts = await pharmacy.alerts()
    assert {alert["ordinal"] for alert in alerts} == {1}
    assert len(alerts) == 6
    done = await asyncio.to_thread(dawalog, "verify", "--json", folder=service.folder)
    assert done.returncode == 0, done.stdout + done.stderr
