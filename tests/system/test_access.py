"""Who gets into a real `dawalog up` and a real `dawalog api`."""

from pathlib import Path

import httpx
import pytest

from infra.local.ports import free_port
from tests.stack import Stack
from tests.system.service import Service, dawalog
from tests.system.test_roles import running_role

pytestmark = pytest.mark.timeout(150)

FACILITY = {"name": "One", "level": "PHC", "district_id": "D1", "state": "RJ"}


def status(url: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(url, headers=headers).status_code


def test_up_asks_for_tokens(new_service: Service) -> None:
    """Whatever the environment says. Tokens that were made before it ran count."""
    service = new_service
    service.asks_for_tokens = True
    service.settings_given = {"DAWALOG_OPEN_ACCESS": "true"}
    early = service.token("--role", "integration")
    key_file = service.folder / "token-key.json"
    assert key_file.stat().st_mode & 0o777 == 0o600
    url = service.start()
    assert "no tokens are asked for" not in service.log
    assert status(f"{url}/v1/items") == 401
    assert status(f"{url}/v1/items", early) == 200
    for path in ("/", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert status(url + path) == 200
    answer = httpx.put(
        f"{url}/v1/facilities/F1", json=FACILITY, headers={"Authorization": f"Bearer {early}"}
    )
    assert answer.status_code == 202, answer.text
    own = service.token("--role", "pharmacist", "--facility", "F1", "--facility", "F3")
    other = service.token("--role", "pharmacist", "--facility", "F2")
    short = service.token("--role", "nhm", "--hours", "0.0001")
    assert status(f"{url}/v1/facilities/F1/events", own) in (200, 404)
    assert status(f"{url}/v1/facilities/F1/events", other) == 403
    assert status(f"{url}/v1/items", short) == 200  # a minute's grace
    assert service.stop() == 0

    service.asks_for_tokens = False
    service.start()
    assert "no tokens are asked for" in service.log
    assert status(f"{service.url}/v1/items") == 200
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--role", "pharmacist"), "needs --facility"),
        (("--role", "pharmacist", "--district", "D1"), "--district means nothing"),
        (("--role", "cmho", "--facility", "F1"), "--facility means nothing"),
        (("--role", "nhm", "--facility", "F1"), "--facility means nothing"),
        (("--role", "cmho", "--district", "a b"), "takes ids"),
        (("--role", "director"), "director"),
        (("--role", "nhm", "--hours", "0"), "--hours must be"),
        ((), "--role"),
    ],
)
def test_wrong_usage_makes_no_token(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = dawalog("token", *words, folder=tmp_path / "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    key_file = tmp_path / "token-key.json"
    key_file.touch(0o600)
    done = dawalog("token", "--role", "nhm", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"dawalog: {key_file} is not a key file of Dawalog's local issuer\n"


@pytest.mark.parametrize(
    ("settings", "words", "said"),
    [
        ({"DAWALOG_OPEN_ACCESS": "false"}, (), "nobody's tokens would count"),
        ({"DAWALOG_OPEN_ACCESS": "true"}, ("--host", "0.0.0.0"), "for loopback only"),
        ({"DAWALOG_OIDC_ISSUER": "http://login.example"}, (), "DAWALOG_OIDC_ISSUER: "),
        ({"DAWALOG_OIDC_ISSUER": "https://login.example"}, (), "DAWALOG_OIDC_AUDIENCE: "),
        ({"DAWALOG_RATE_LIMIT": "many"}, (), "DAWALOG_RATE_LIMIT: "),
    ],
)
async def test_api_needs_to_know_whose_tokens_count(
    stack: Stack, settings: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    with running_role(stack, "api", "--port", str(free_port()), *words, **settings) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.count(b"\n") == 1
    assert errors.startswith(b"dawalog: ")
    assert said in errors.decode()
