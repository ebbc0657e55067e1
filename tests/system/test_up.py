"""`dawalog up` as an operator meets it, on real parts."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.system.service import DAWALOG, Service, dawalog, environment, is_gone, wait_until

pytestmark = pytest.mark.timeout(150)

PARTS = {"kafka", "postgres", "worker-1", "api"}


def register_district(service: Service, district_id: str) -> None:
    answer = httpx.put(
        f"{service.url}/v1/districts/{district_id}", json={"name": "Ajmer", "state": "RJ"}
    )
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text


def program(pid: int) -> str:
    return Path(f"/proc/{pid}/exe").readlink().name


def kill_part(service: Service, name: str) -> None:
    """Kill it and wait until another process has its place.

    It may be ending by itself, as a worker does when Postgres was killed: then the next one is.
    """
    killed: list[int] = []

    def kill() -> bool:
        if pid := service.pids().get(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        return bool(killed)

    wait_until(kill, f"{name} runs")
    wait_until(lambda: service.pids().get(name, killed[0]) != killed[0], f"{name} started again")


def is_ready(service: Service) -> bool:
    try:
        return httpx.get(f"{service.url}/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def states(service: Service) -> dict[str, str]:
    """As `dawalog ps` tells them."""
    listed = json.loads(dawalog("ps", "--json", folder=service.folder).stdout)
    return {part["name"]: part["state"] for part in listed}


def count_ready(service: Service, name: str) -> int:
    """How often the log says that it is."""
    said = [json.loads(line) for line in service.log.splitlines() if line.startswith("{")]
    return sum(line.get("part") == name and line["event"] == "ready" for line in said)


def projected_records(service: Service) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(service.database_url)
        try:
            total = await connection.fetchval(
                "SELECT sum(next_offset)::bigint FROM model_1.position"
            )
        finally:
            await connection.close()
        return int(total or 0)

    return asyncio.run(count())


def test_runs_stops_in_order_and_goes_on_where_it_was(new_service: Service) -> None:
    service = new_service
    url = service.start()
    pids = service.pids()
    assert set(pids) == PARTS
    assert program(pids["kafka"]) == "java"
    assert program(pids["postgres"]) == "postgres"
    listed = json.loads(dawalog("ps", "--json", folder=service.folder).stdout)
    assert {part["name"]: part["pid"] for part in listed} == pids
    assert url in {part["address"] for part in listed}
    head, *lines = dawalog("ps", folder=service.folder).stdout.splitlines()
    assert head.split() == ["PID", "NAME", "STATE", "UP", "FOR", "ADDRESS"]
    assert {line.split()[1]: line.split()[2] for line in lines} == dict.fromkeys(PARTS, "ready")
    known = service.settings()
    assert known["api_url"] == url
    assert known["database_url"] == service.database_url
    register_district(service, "ajmer")
    wait_until(lambda: projected_records(service) == 1, "the record in the database")

    second = dawalog("up", folder=service.folder)
    assert (second.returncode, second.stdout) == (1, "")
    assert f"already running in {service.folder}, pid {service.pid}" in second.stderr

    assert service.stop(signal.SIGINT) == 0
    assert all(is_gone(pid) for pid in pids.values())
    assert dawalog("ps", "--json", folder=service.folder).returncode == 1

    assert service.start("--workers", "2") == url
    assert set(service.pids()) == PARTS | {"worker-2"}
    assert service.settings() == known
    assert projected_records(service) == 1
    register_district(service, "bundi")
    wait_until(lambda: projected_records(service) == 2, "the next record in the database")
    assert service.stop() == 0


def test_a_killed_part_comes_back(service: Service) -> None:
    url = service.start()
    for name in sorted(PARTS):
        kill_part(service, name)
        assert f'"part": "{name}"' in service.log
    wait_until(lambda: is_ready(service), "ready again")
    wait_until(lambda: states(service) == dict.fromkeys(PARTS, "ready"), "each said to be ready")
    for name in PARTS:
        assert count_ready(service, name) >= 2, service.log
    assert service.url == url
    register_district(service, "ajmer")
    wait_until(lambda: projected_records(service) == 1, "the record in the database")
    assert service.stop() == 0


def test_frozen_parts_are_replaced(service: Service) -> None:
    service.start()
    frozen = {name: service.pids()[name] for name in ("api", "worker-1")}
    for pid in frozen.values():
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: not frozen.items() & service.pids().items(), "both replaced")
    wait_until(lambda: is_ready(service), "ready again")
    register_district(service, "ajmer")
    wait_until(lambda: projected_records(service) == 1, "the record in the database")
    assert service.stop() == 0


def test_killed_up_leaves_nothing_behind(service: Service) -> None:
    service.start()
    pids = service.pids()
    register_district(service, "ajmer")
    service.stop(signal.SIGKILL)
    wait_until(lambda: all(is_gone(pid) for pid in pids.values()), "all parts gone")

    service.start()
    wait_until(lambda: projected_records(service) == 1, "the record in the database")
    assert service.stop() == 0


def test_names_a_damaged_folder(service: Service) -> None:
    meta = service.folder / "kafka" / "data" / "meta.properties"
    whole = meta.read_bytes()
    meta.write_bytes(b"\0\xff" * 40)
    assert_refused(service.folder, "meta.properties")
    meta.write_bytes(whole)

    metadata = service.folder / "kafka" / "data" / "__cluster_metadata-0"
    lost = [path for path in metadata.iterdir() if path.suffix in {".log", ".snapshot"}]
    for path in lost:
        path.write_bytes(b"\xff" * 4000)
    assert_refused(service.folder, "has lost alert-events, reference, stock-events")

    version = service.folder / "postgres" / "data" / "PG_VERSION"
    version.unlink()
    assert_refused(service.folder, "PG_VERSION")

    (service.folder / "installation.json").write_text("{")
    assert_refused(service.folder, "installation.json")


def test_names_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert_refused(tmp_path / "data", f"port {port} is in use", "--port", str(port))


def test_names_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    assert_refused(tmp_path / "data", "can't be written to")


@pytest.mark.parametrize(
    ("options", "reason"), [("size=1m", "MB free"), ("ro,size=1m", "read-only")]
)
def test_names_a_full_or_read_only_folder(tmp_path: Path, options: str, reason: str) -> None:
    # A file system of its own, mounted where only this command sees it; needs no root.
    script = f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$2" up --port 0 --data-dir "$1"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", tmp_path, DAWALOG],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 1
    assert_one_line(done.stderr, reason)


def assert_refused(folder: Path, reason: str, *words: str) -> None:
    done = dawalog("up", *(words or ("--port", "0")), folder=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, reason)


def assert_one_line(said: str, reason: str) -> None:
    sentences = [line for line in said.splitlines() if line.startswith("dawalog: ")]
    assert len(sentences) == 1, said
    assert reason in sentences[0]
    assert "Traceback" not in said


STOPPED_EARLY = """
import os, signal, sys
import infra.cli

class Stopper:
    def find_spec(self, name, path, target=None):
        if name == "infra.local.embedded":
            os.kill(os.getpid(), int(os.environ["STOP_SIGNAL"]))

sys.meta_path.insert(0, Stopper())
infra.cli.main()
"""


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_before_it_has_begun(tmp_path: Path, command: str, number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_EARLY, command, "--data-dir", str(tmp_path / "data")],
        check=False,
        capture_output=True,
        text=True,
        env=environment() | {"STOP_SIGNAL": str(int(number))},
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "data").exists()
