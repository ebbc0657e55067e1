"""`dawalog api` and `dawalog worker` against a Kafka and a Postgres that someone else runs."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from infra.local.ports import free_port
from tests.stack import Stack
from tests.system.service import DAWALOG, environment, wait_until

pytestmark = pytest.mark.timeout(120)


@contextmanager
def running_role(stack: Stack, *words: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [DAWALOG, *words],
        env=environment() | stack.environment | {"DAWALOG_OPEN_ACCESS": "true"} | settings,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_role_runs_and_stops_in_order(stack: Stack, role: str) -> None:
    port = free_port()
    settings = {"DAWALOG_API_PORT": str(port), "DAWALOG_WORKER_METRICS_PORT": str(port)}
    with running_role(stack, role, **settings) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), f"{role} ready")
        assert answers(f"http://127.0.0.1:{port}/metrics")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


async def test_api_names_a_port_in_use(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running_role(stack, "api", "--port", str(port)) as process:
            _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.decode() == (
        f"dawalog: the API can't listen on 127.0.0.1:{port}: Address already in use\n"
    )


async def test_names_a_wrong_setting(stack: Stack) -> None:
    with running_role(stack, "api", DAWALOG_API_PORT="many") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.decode().startswith("dawalog: DAWALOG_API_PORT: ")
    assert said.count(b"\n") == 1
