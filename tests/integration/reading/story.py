"""A story posted to the service as one client does that reads what it wrote."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from tests.integration.reading.asking import after, get
from tests.integration.reading.rows import event_uuid


class Story:
    """Of whichever facilities."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self._numbers = count(1)
        self._positions: list[str] = []

    async def register(self, *records: dict[str, Any]) -> None:
        await self._send("/v1/reference/batch", list(records))

    async def post(self, facility_id: str, event_type: str, **fields: Any) -> None:
        number = next(self._numbers)
        event = {
            "event_id": event_uuid(number),
            "type": event_type,
            "facility_id": facility_id,
            "occurred_at": (datetime.now(UTC) - timedelta(seconds=100 - number)).isoformat(),
        }
        await self._send("/v1/events/batch", [event | fields])

    async def count(self, facility_id: str, complete: bool = True, **quantities: int) -> None:
        lines = [
            {"item_id": item_id, "lot": "A", "expiry": "2099-01", "counted": quantity}
            for item_id, quantity in quantities.items()
        ]
        await self.post(facility_id, "stock_counted", complete=complete, lines=lines)

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        return await get(self.client, path, ",".join(self._positions), **parameters)

    async def availability(self, facility_id: str) -> dict[str, str]:
        await self.ask("/v1/items")  # the public has no positions to wait for
        told = await self.ask(f"/v1/availability/{facility_id}")
        return {item["item_id"]: item["availability"] for item in told["items"]}

    async def _send(self, path: str, body: list[dict[str, Any]]) -> None:
        headers = after(",".join(self._positions))
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.json()["rejected"] == 0, answer.text
        self._positions.append(answer.headers["Dawalog-Position"])


def facility(
    facility_id: str, level: str, parent: str | None = None, district_id: str = "D1"
) -> dict[str, Any]:
    place = {"name": facility_id, "level": level, "district_id": district_id, "state": "RJ"}
    return {"kind": "facility", "facility_id": facility_id, "parent_facility_id": parent, **place}


def item(item_id: str, *levels: str, **told: Any) -> dict[str, Any]:
    named = {"name": item_id, "base_unit": "tablet"}
    return {"kind": "item", "item_id": item_id, "levels": list(levels), **named, **told}
