"""A real Prometheus on a service of `dawalog up`, with our rules, looking every second."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local.ports import free_port
from infra.local.targets import FILE_NAME
from tests.tools import running
from tests.waiting import until

RULES = Path(__file__).parents[1] / "infra" / "prometheus" / "rules"

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
scrape_configs:
  - job_name: dawalog
    file_sd_configs: [{{files: ["{targets}"], refresh_interval: 1s}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: [{alertmanagers}]}}]}}]}}
"""


@dataclass(frozen=True)
class Prometheus:
    client: httpx.AsyncClient

    async def ask(self, query: str) -> list[dict[str, Any]]:
        return await self._ask("query", query=query)

    async def ask_range(self, query: str, *, start: float, end: float) -> list[dict[str, Any]]:
        return await self._ask("query_range", query=query, start=start, end=end, step=1)

    async def firing(self) -> set[str]:
        found = await self.ask('ALERTS{alertstate="firing"}')
        return {one["metric"]["alertname"] for one in found}

    async def _ask(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result


@asynccontextmanager
async def running_prometheus(
    folder: Path, data_dir: Path, *, alertmanager: str | None = None
) -> AsyncIterator[Prometheus]:
    """`data_dir` is the service's; `folder` is Prometheus' own."""
    port = free_port()
    config = _write_config(folder, data_dir / FILE_NAME, alertmanager)
    with running(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        log=folder / "log",
    ) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await until_ready(client, process)
            yield Prometheus(client)


def _write_config(folder: Path, targets: Path, alertmanager: str | None) -> Path:
    folder.mkdir()
    config = folder / "prometheus.yml"
    alertmanagers = f'"{alertmanager}"' if alertmanager else ""
    config.write_text(CONFIG.format(rules=RULES, targets=targets, alertmanagers=alertmanagers))
    return config


async def until_ready(client: httpx.AsyncClient, process: "subprocess.Popen[bytes]") -> None:
    """Prometheus and Alertmanager say it alike."""

    async def is_ready() -> bool:
        assert process.poll() is None, "it ended"
        try:
            return (await client.get("/-/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    await until(is_ready, "it is ready")
