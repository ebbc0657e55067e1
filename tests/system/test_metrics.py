"""What a running service exposes, against what is declared."""

import json

import httpx
import pytest

from infra.local.targets import FILE_NAME
from infra.metrics_page import DECLARING
from stream.declared import METRICS
from tests.exposition import Exposition, scrape
from tests.system.service import Service
from tests.waiting import until

pytestmark = pytest.mark.timeout(150)

OWN = ("process_", "python_")
"""Of the Python client itself."""

FACILITY = {"name": "PHC Pushkar", "level": "PHC", "district_id": "AJMER", "state": "RJ"}


async def targets(service: Service) -> dict[str, Exposition]:
    groups = json.loads((service.folder / FILE_NAME).read_text())
    return {
        group["labels"]["role"]: await scrape(f"http://{target}")
        for group in groups
        for target in group["targets"]
    }


async def test_every_metric_is_declared(service: Service) -> None:
    assert DECLARING
    service.start()
    async with httpx.AsyncClient(base_url=service.url) as client:
        await client.put("/v1/facilities/PHC-1", json=FACILITY)
        await client.post("/v1/events", json={})
        await client.get("/v1/nothing")

    async def is_projected() -> bool:
        worker = (await targets(service))["worker"]
        return bool(worker.value("dawalog_records_projected_total", {"topic": "reference"}))

    await until(is_projected, "the facility is projected")
    exposed = await targets(service)
    for role, exposition in exposed.items():
        for name, kind, labels in exposition.described():
            if name.startswith(OWN):
                continue
            declared = METRICS[name]
            assert declared.kind == kind
            assert labels <= set(declared.labels)
            if exposition.families[name.removesuffix("_total")].samples:
                assert role in declared.exposed_by, name
    api, worker = exposed["api"], exposed["worker"]
    assert api.value("dawalog_posts_refused_total", {"problem": "invalid-event"})
    assert api.value("dawalog_http_request_seconds_count", {"route_class": "register"})
    assert (api.value("dawalog_data_folder_free_bytes") or 0) > 0
    assert worker.value("dawalog_worker_standstill_seconds") is not None
