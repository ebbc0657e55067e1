"""Schemathesis over every route of a real service, with a role's token (`-m slow`: the others').

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
ROLES = [
    pytest.param("nhm", ()),
    *(
        pytest.param(role, scope, marks=pytest.mark.slow)
        for role, scope in (
            ("cmho", ("--district", "D1")),
            ("pharmacist", ("--facility", "F1")),
            ("integration", ()),
            ("public", ()),
        )
    ),
]
FACILITY = {"name": "One", "level": "PHC", "district_id": "D1", "state": "RJ"}

# Two checks don't fit. A well-formed request need not be accepted: it may name an unknown facility,
# a clock that is wrong, a position of another installation. And what breaks the schema need not be
# refused: a batch answers for each record, a query's parameters are text whatever they look like,
# null means that a field is left out. The stream of /v1/live never ends.
OPTIONS = (
    *("--checks", "all"),
    *("--exclude-checks", "positive_data_acceptance,negative_data_rejection"),
    *("--exclude-path", "/v1/live"),
    *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES),
    *("--suppress-health-check", "all", "--request-timeout", "30", "--no-color"),
)


@pytest.mark.parametrize(("role", "scope"), ROLES)
def test_every_route(role: str, scope: tuple[str, ...], service: Service) -> None:
    service.asks_for_tokens = True
    url = service.start()
    nhm = {"Authorization": f"Bearer {service.token('--role', 'nhm')}"}
    assert httpx.put(f"{url}/v1/facilities/F1", json=FACILITY, headers=nhm).status_code == 202
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
    assert done.returncode == 0, done.stdout[-20_000:]
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert service.stop() == 0
