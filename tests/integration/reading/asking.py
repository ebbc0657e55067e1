"""Posting and asking as a client does that knows its positions."""

from typing import Any

import httpx

FACILITY = {"name": "PHC One", "level": "PHC", "district_id": "D1", "state": "RJ"}


def after(position: str, seconds: int = 30) -> dict[str, str]:
    return {"Dawalog-Min-Position": position, "Prefer": f"wait={seconds}"}


async def put(client: httpx.AsyncClient, path: str, record: dict[str, Any]) -> str:
    answer = await client.put(path, json=record)
    assert answer.status_code == 202, answer.text
    return answer.headers["Dawalog-Position"]


async def post(client: httpx.AsyncClient, posted: dict[str, Any], position: str) -> str:
    answer = await client.post("/v1/events", json=posted, headers=after(position))
    assert answer.status_code == 202, answer.text
    return answer.headers["Dawalog-Position"]


async def get(
    client: httpx.AsyncClient, path: str, position: str = "", **parameters: Any
) -> dict[str, Any]:
    answer = await client.get(path, params=parameters, headers=after(position))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
