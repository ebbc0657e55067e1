"""The worker verifies in the background, and its metrics tell the last result."""

import re
from pathlib import Path

import httpx
import pytest

from infra.local.ports import free_port
from tests.full_log import append_everything
from tests.log_reading import Database
from tests.stack import Stack
from tests.waiting import until
from tests.workers import WORKER, running_worker

pytestmark = pytest.mark.timeout(180)

OFTEN = {
    "DAWALOG_VERIFY_FIRST_MINUTES": "0.02",
    "DAWALOG_VERIFY_EVERY_HOURS": "0.0003",
    "DAWALOG_VERIFY_SHARE": "1",
}


async def test_metrics_tell_of_drift(stack: Stack, database: Database, tmp_path: Path) -> None:
    await append_everything(stack, tmp_path, rounds=2)
    port = free_port()
    settings = OFTEN | {"DAWALOG_WORKER_METRICS_PORT": str(port)}

    async def metric(name: str) -> float | None:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")
        found = re.search(rf"^{name} (\S+)$", answer.text, re.MULTILINE)
        return float(found[1]) if found else None

    async def drift_is(wanted: int) -> bool:
        return await metric("dawalog_ledger_drift_rows") == wanted

    with running_worker(stack, tmp_path / "worker.log", command=WORKER, **settings) as worker:
        await worker.until_claimed()
        assert await metric("dawalog_ledger_drift_rows") is None
        assert await metric("dawalog_ledger_verified_timestamp_seconds") is None
        await until(lambda: drift_is(0), "verified once", seconds=60)
        assert (await metric("dawalog_ledger_verified_timestamp_seconds") or 0) > 0
        await database.execute(
            "UPDATE card SET on_hand = on_hand + 1 WHERE ctid = (SELECT max(ctid) FROM card)"
        )
        await until(lambda: drift_is(1), "the damage is found", seconds=80)
        assert "on_hand is " in worker.said
