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
from infra.demo.past import first_events
from infra.demo.state import NEVER_STARTED, small_state
from tests.system.service import Service, dawalog, wait_until

pytestmark = pytest.mark.timeout(240)

STORIES = 3


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
    """With the weeks before. Ids of all other events are of version 7."""
    return count(service, "event WHERE uuid_extract_version(event_id) = 5")


def wait_for_patients(service: Service) -> int:
    """Until somebody more has been served; returns how many were."""
    dispensed = "event WHERE type = 'medicine_dispensed'"
    before = count(service, dispensed)
    wait_until(lambda: count(service, dispensed) > before, "a patient served")
    return count(service, dispensed)


def check_figures(url: str, as_nhm: dict[str, str]) -> None:
    """Everything that is used is rated, about a dozen items are out, and somebody could help."""
    answer = httpx.get(f"{url}/v1/summary", params={"by": "state"}, headers=as_nhm)
    (state,) = answer.json()["groups"]
    assert 5 <= state["items"]["out"] <= 30
    assert state["items"]["ok"] > state["items"]["over"] > state["items"]["low"] > 0
    assert (state["not_reporting"], state["not_started"]) == (0, 1)
    found = httpx.get(f"{url}/v1/shortages", params={"limit": 100}, headers=as_nhm).json()
    assert any(each["nearest_surplus"] for each in found["shortages"])
    assert found["shortages"][0]["days_out"] >= 7


def check_stories(url: str, as_nhm: dict[str, str], told: list[str]) -> None:
    """A stock-out ends, a centre syncs two days late, and a hospital never starts."""

    def list_late() -> list[str]:
        asked = {"reporting": "late"}
        answer = httpx.get(f"{url}/v1/reporting", params=asked, headers=as_nhm).json()
        return [each["facility_id"] for each in answer["facilities"]]

    relief, offline, never = told
    assert relief.startswith("Stock-out: ")
    assert re.match("Late: PHC .* hasn't come yet", offline)
    assert never.startswith("Never started: District Hospital Udaipur")
    path = f"{url}/v1/facilities/{NEVER_STARTED}/reporting"
    assert httpx.get(path, headers=as_nhm).json()["reporting"] == "not_started"
    wait_until(lambda: len(list_late()) == 1, "a centre that syncs late")


def test_plays_a_day_and_goes_on_with_it(demo: Service) -> None:
    state, habits = small_state(), prescribing_habits()
    now = datetime.now(UTC)
    first = [first_events(each, state, habits, at=now) for each in state.open_facilities]
    openings = sum(map(len, first))

    url = demo.start()
    said = demo.said_further(len(ROLES) + 1 + STORIES + 1)
    tokens = re.findall(r"^token (\w+)[^:]*: (\S+)$", said, re.MULTILINE)
    assert [role for role, _ in tokens] == list(ROLES)
    as_nhm = {"Authorization": f"Bearer {dict(tokens)['nhm']}"}
    assert f"page  {url}/#token={dict(tokens)['nhm']}\n" in said
    assert httpx.get(f"{url}/v1/overview").status_code == httpx.codes.UNAUTHORIZED
    assert count_openings(demo) == openings
    overview = httpx.get(f"{url}/v1/overview", params={"sort": "out"}, headers=as_nhm).json()
    assert overview["facility_count"] == len(state.facilities)
    assert overview["facilities"][0]["items_in_stock"] > overview["facilities"][0]["items_out"] > 0
    check_figures(url, as_nhm)
    check_stories(url, as_nhm, re.findall(r"^story (.+)$", said, re.MULTILINE))
    served = wait_for_patients(demo)
    assert demo.stop(signal.SIGTERM) == 0

    assert demo.start() == url
    assert count(demo, "event WHERE type = 'medicine_dispensed'") >= served
    wait_for_patients(demo)
    assert count_openings(demo) == openings
    assert count(demo, "dead_letter") == 0
    assert count(demo, "facility_record") == len(state.facilities)
    never = f"event JOIN facility_number USING (facility_no) WHERE facility_id = '{NEVER_STARTED}'"
    assert count(demo, never) == 0
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
