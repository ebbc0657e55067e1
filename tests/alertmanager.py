"""A real Alertmanager with our example's routes, whose receivers all are one small web server."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml  # type: ignore[import-untyped]
from aiohttp import web

from infra.local.ports import free_port
from tests.prometheus import until_ready
from tests.tools import running

FOLDER = Path(__file__).parents[1] / "infra" / "alertmanager"

Notice = dict[str, Any]
"""What a webhook gets: `status`, `groupLabels`, `alerts`, …"""


@dataclass
class Receivers:
    """Whatever came, by the receiver's name."""

    url: str = ""
    notices: dict[str, list[Notice]] = field(default_factory=lambda: defaultdict(list))

    def alerts(self, receiver: str, status: str, **labels: str) -> list[dict[str, Any]]:
        """Those that were told with these labels."""
        return [
            alert
            for notice in self.notices[receiver]
            for alert in notice["alerts"]
            if alert["status"] == status and labels.items() <= alert["labels"].items()
        ]

    async def take(self, request: web.Request) -> web.Response:
        self.notices[request.match_info["receiver"]].append(await request.json())
        return web.Response()


@asynccontextmanager
async def listening_receivers() -> AsyncIterator[Receivers]:
    receivers, port = Receivers(), free_port()
    receivers.url = f"http://127.0.0.1:{port}"
    app = web.Application()
    app.add_routes([web.post("/{receiver}", receivers.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield receivers
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_alertmanager(
    folder: Path, receivers: Receivers, port: int
) -> AsyncIterator[httpx.AsyncClient]:
    config = _write_config(folder, receivers.url)
    with running(
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        log=folder / "log",
    ) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await until_ready(client, process)
            yield client


def _write_config(folder: Path, url: str) -> Path:
    """The example, but that it tells at once and tells the web server."""
    folder.mkdir(exist_ok=True)
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    config["global"] = {"resolve_timeout": "5m"}
    config["templates"] = [f"{FOLDER}/templates/*.tmpl"]
    _hurry(config["route"])
    config["receivers"] = [
        {
            "name": one["name"],
            "webhook_configs": [
                {
                    "url": f"{url}/{one['name']}",
                    "send_resolved": one["email_configs"][0].get("send_resolved", True),
                }
            ],
        }
        for one in config["receivers"]
    ]
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def _hurry(route: dict[str, Any]) -> None:
    route |= {"group_wait": "100ms", "group_interval": "1s"}
    for inner in route.get("routes", []):
        _hurry(inner)
