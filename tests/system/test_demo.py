"""`dawalog demo` as somebody who tries Dawalog meets it."""

import asyncio
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from api.access import ROLES
from infra.demo.medicines import prescribing_habits
from infra.demo.opening import opening_counts
from infra.demo.past import past_events, rated_centre
from infra.demo.state import small_state
from tests.system.service import Service, dawalog, wait_until

pytestmark = pytest.mark.timeout(240)

NOW = datetime.now(UTC)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Service]:
    made = Service(folder=tmp_path / "data", command="demo")
    yield made
    made.close()


def count(service: Service, rows: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(service.database_url)
        try:
            await connection.execute("SET search_path TO model_1")
            return int(await connection.fetchval(f"SELECT count(*) FROM {rows}"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def count_openings(service: Service) -> int:
    """With the past of one centre. Ids of all other events are of version 7."""
    return count(service, "event WHERE uuid_extract_version(event_id) = 5")


def wait_for_patients(service: Service) -> int:
    """Until somebody more has been served; returns how many were."""
    dispensed = "event WHERE type = 'medicine_dispensed'"
    before = count(service, dispensed)
    wait_until(lambda: count(service, dispensed) > before, "a patient served")
    return count(service, dispensed)


def test_plays_a_day_and_goes_on_with_it(demo: Service) -> None:
    state, habits = small_state(), prescribing_habits()
    openings = sum(len(opening_counts(each, state, habits, at=NOW)) for each in state.facilities)
    openings += len(past_events(state, habits, at=NOW))

    url = demo.start()
    said = demo.said_further(len(ROLES) + 1)
    tokens = re.findall(r"^token (\w+)[^:]*: (\S+)$", said, re.MULTILINE)
    assert [role for role, _ in tokens] == list(ROLES)
    as_nhm = {"Authorization": f"Bearer {dict(tokens)['nhm']}"}
    assert f"page  {url}/#token={dict(tokens)['nhm']}\n" in said
    assert httpx.get(f"{url}/v1/overview").status_code == httpx.codes.UNAUTHORIZED
    overview = httpx.get(f"{url}/v1/overview", params={"sort": "out"}, headers=as_nhm).json()
    assert overview["facility_count"] == len(state.facilities)
    assert overview["facilities"][0]["items_in_stock"] > overview["facilities"][0]["items_out"] > 0
    assert count_openings(demo) == openings
    centre = rated_centre(state).facility_id
    stock = httpx.get(f"{url}/v1/facilities/{centre}/stock?limit=1000", headers=as_nhm).json()
    assert {item["status"] for item in stock["items"]} >= {"out", "low", "ok"}
    served = wait_for_patients(demo)
    assert demo.stop(signal.SIGTERM) == 0

    assert demo.start() == url
    assert count(demo, "event WHERE type = 'medicine_dispensed'") >= served
    wait_for_patients(demo)
    assert count_openings(demo) == openings
    assert count(demo, "dead_letter") == 0
    assert count(demo, "facility_record") == len(state.facilities)
    assert demo.stop(signal.SIGINT) == 0
    assert "Traceback" not in demo.log


def test_keeps_out_of_a_folder_with_facilities_of_its_own(service: Service) -> None:
    url = service.start()
    facility = {"name": "PHC One", "level": "PHC", "district_id": "D1", "state": "RJ"}
    answer = httpx.put(f"{url}/v1/facilities/F1", json=facility)
    assert answer.status_code == httpx.codes.ACCEPTED
    assert service.stop() == 0

    done = dawalog("demo", folder=service.folder)
    assert done.returncode == 1
    assert "give the demo another one with --data-dir" in done.stderr
    assert "Traceback" not in done.stderr
