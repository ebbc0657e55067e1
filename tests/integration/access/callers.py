"""Who asks in the tests of access: one token for each role, for F1 and D1 where it has a scope."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from api.token_issuer import issue_token


class Callers:
    def __init__(self, client: httpx.AsyncClient, key_file: Path) -> None:
        self.client = client
        issue = partial(issue_token, key_file)
        self.issue = issue
        self.nhm = issue("nhm")
        self.tokens = {
            "pharmacist": issue("pharmacist", facilities=["F1"]),
            "cmho": issue("cmho", districts=["D1"]),
            "nhm": self.nhm,
            "integration": issue("integration"),
            "integration of F1": issue("integration", facilities=["F1"]),
            "integration of D1": issue("integration", districts=["D1"]),
            "public": issue("public"),
            "nobody": None,
        }

    async def ask(
        self, token: str | None, method: str, path: str, **request: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, path, headers=headers, **request)


def receipt(facility_id: str) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "type": "stock_received",
        "facility_id": facility_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "lines": [{"item_id": "PCM", "lot": "A1", "quantity": 500}],
    }
