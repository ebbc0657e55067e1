"""Schemathesis over every route of a real service, with each role's token.

`DAWALOG_TEST_EXAMPLES` is how many generated requests a route gets beside those that cover each
parameter's limits.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.system.service import Service

pytestmark = pytest.mark.timeout(600)

EXAMPLES = os.environ.get("DAWALOG_TEST_EXAMPLES", "3")
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
ROLES = {
    "nhm": (),
    "cmho": ("--district", "D1"),
    "pharmacist": ("--facility", "F1"),
    "integration": (),
    "public": (),
}
FACILITY = {"name": "One", "level": "PHC", "district_id": "D1", "state": "RJ"}

# What a well-formed request means depends on what is there (an unknown facility, a clock, a
# position of another installation), so not each one is accepted. The stream of /v1/live never ends.
OPTIONS = (
    *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
    *("--exclude-path", "/v1/live"),
    *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES),
    *("--suppress-health-check", "all", "--request-timeout", "30", "--no-color"),
)


def test_every_route_with_each_role(service: Service) -> None:
    service.asks_for_tokens = True
    url = service.start()
    nhm = {"Authorization": f"Bearer {service.token('--role', 'nhm')}"}
    assert httpx.put(f"{url}/v1/facilities/F1", json=FACILITY, headers=nhm).status_code == 202
    for role, scope in ROLES.items():
        token = service.token("--role", role, *scope)
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", f"{url}/openapi.json", *OPTIONS),
                *("--header", f"Authorization: Bearer {token}"),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=service.folder,
        )
        print(done.stdout[-300:])
        assert done.returncode == 0, f"{role}: {done.stdout[-20_000:]}"
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert service.stop() == 0
