"""What is heard of facilities, on a real Postgres; the rules themselves are in unit tests."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.reporting_memory import ReportingMemory
from projections.queries.reporting import FacilityReporting, find_reporting, list_reporting
from projections.reading import ReadModel
from projections.reporting import WEEKDAYS
from tests.integration.reading.rows import Rows, event_uuid

INDIA = ZoneInfo("Asia/Kolkata")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OPEN_DAILY: list[str] = []


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


class Pharmacies:
    """Events of facilities, numbered on."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._numbers = count(1)

    async def heard(
        self,
        facility_id: str,
        recorded_at: datetime,
        *,
        delay: timedelta = timedelta(),
        device_seq: int | None = None,
    ) -> None:
        fields: dict[str, Any] = {}
        if device_seq is not None:
            fields = {"device_id": "TAB", "device_seq": device_seq}
        await self._rows.add_event(
            facility_id,
            event_uuid(next(self._numbers)),
            occurred_at=recorded_at - delay,
            recorded_at=recorded_at,
            **fields,
        )
        await self._rows.connection.execute(
            "INSERT INTO facility_activity VALUES ($1, $2) ON CONFLICT (facility_no) DO UPDATE SET"
            " last_recorded_at = greatest(facility_activity.last_recorded_at, $2)",
            await self._rows.facility_no(facility_id),
            recorded_at,
        )


@pytest.fixture
def pharmacies(rows: Rows) -> Pharmacies:
    return Pharmacies(rows)


async def report(model: ReadModel, facility_id: str = "F1") -> FacilityReporting:
    found = await find_reporting(model, facility_id=facility_id, partition=0)
    assert found is not None
    listed = (await list_reporting(model, limit=1000)).facilities
    assert [one for one in listed if one.facility_id == facility_id] in ([found[1]], [])
    return found[1]


async def test_unknown_facility(model: ReadModel, rows: Rows) -> None:
    assert await find_reporting(model, facility_id="F1", partition=0) is None


async def test_registered_and_never_heard_of(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    one = await report(model)
    assert (one.name, one.level, one.district_id) == ("Facility F1", "PHC", "D1")
    assert one.verdict == ("not_started", "no_event_yet", False)
    assert (one.last_heard_at, one.heard.median_delay_seconds, one.p95_delay_seconds) == (None,) * 3
    assert one.heard.open_gaps == 0


async def test_heard_of_and_not_registered(
    model: ReadModel, pharmacies: Pharmacies, now: datetime
) -> None:
    await pharmacies.heard("F1", now)
    one = await report(model)
    assert (one.name, one.verdict.reporting) == (None, "live")
    assert (await list_reporting(model, limit=10)).facilities == []


async def test_delays_of_what_was_recorded_in_seven_days(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    for minutes in (0, 10, 20, 30):
        await pharmacies.heard("F1", now - HOUR, delay=timedelta(minutes=minutes))
    await pharmacies.heard("F1", now - 6.9 * DAY, delay=5 * HOUR)  # occurred before the 7 days
    await pharmacies.heard("F1", now - 6.9 * DAY, delay=400 * DAY)  # and so did this, long before
    await pharmacies.heard("F1", now - 7.1 * DAY, delay=400 * DAY)
    await pharmacies.heard("F2", now - HOUR, delay=300 * DAY)
    one = await report(model)
    # 0, 10, 20, 30 minutes, 5 hours, 400 days
    assert one.heard.median_delay_seconds == 25 * 60
    assert one.p95_delay_seconds == pytest.approx(0.25 * 5 * 3600 + 0.75 * 400 * 24 * 3600)
    assert one.verdict.reporting == "live"
    for _ in range(5):
        await pharmacies.heard("F1", now - HOUR, delay=7 * HOUR)
    assert (await report(model)).verdict == ("late", "median_delay", False)


async def test_a_clock_ahead_is_no_delay(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await pharmacies.heard("F1", now - HOUR, delay=-timedelta(minutes=5))
    one = await report(model)
    assert (one.heard.median_delay_seconds, one.p95_delay_seconds) == (0, 0)


async def test_gaps_in_the_numbers_of_a_device(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    await pharmacies.heard("F1", now - 30 * DAY, device_seq=1)
    await pharmacies.heard("F1", now - 29 * DAY, device_seq=5)  # a gap that is not looked for
    await pharmacies.heard("F1", now - 2 * HOUR, device_seq=6)
    assert (await report(model)).verdict.reporting == "live"
    await pharmacies.heard("F1", now - HOUR, device_seq=8)
    await pharmacies.heard("F2", now - HOUR, device_seq=7)
    one = await report(model)
    assert (one.heard.open_gaps, one.verdict.rule) == (1, "device_gaps")
    await pharmacies.heard("F1", now - HOUR, device_seq=7)
    assert (await report(model)).verdict.reporting == "live"


async def test_a_gap_before_the_first_number_looked_at(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    await pharmacies.heard("F1", now - 30 * DAY, device_seq=5)
    await pharmacies.heard("F1", now - HOUR, device_seq=7)
    assert (await report(model)).heard.open_gaps == 1
    await pharmacies.heard("F1", now - 20 * DAY, device_seq=6)
    assert (await report(model)).heard.open_gaps == 0


async def test_silent_days_and_closures(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    await pharmacies.heard("F1", now - 4 * DAY)
    assert (await report(model)).verdict == ("silent", "open_days_unheard", False)
    today = now.astimezone(INDIA).date()
    first, last = today - 2 * DAY, today - DAY
    places: list[tuple[str, dict[str, Any]]] = [
        ("facility", {"facility_id": "F1"}),
        ("district", {"district_id": "D1"}),
        ("state", {"state": "RJ"}),
        ("everywhere", {}),
    ]
    for closure_id, place in places:
        await rows.add_closure(closure_id, first, last, **place)
        assert (await report(model)).verdict.reporting == "live", closure_id
        await rows.add_closure(closure_id, first, last, withdrawn=True, **place)
        assert (await report(model)).verdict.reporting == "silent", closure_id
    await rows.add_closure("facility", first, today, facility_id="F2")
    await rows.add_closure("district", first, today, district_id="D2")
    await rows.add_closure("state", first, today, state="BR")
    await rows.add_closure("later", first, today, valid_from=now + DAY)
    assert (await report(model)).verdict.reporting == "silent"
    await rows.add_closure("today", today, today, facility_id="F1")
    assert (await report(model)).verdict == ("silent", "open_days_unheard", True)


async def test_the_closure_in_force_counts(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    await pharmacies.heard("F1", now - 1 * DAY)
    today = now.astimezone(INDIA).date()
    await rows.add_closure("C", today, today, valid_from=now - DAY)
    await rows.add_closure("C", today + DAY, today + DAY, valid_from=now - 2 * DAY)
    assert (await report(model)).verdict.reporting == "closed"
    await rows.add_closure("C", today + DAY, today + DAY, valid_from=now - HOUR)
    assert (await report(model)).verdict.reporting == "live"


async def test_days_are_those_of_the_zone(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    """25 hours apart, two zones never have the same day."""
    zones = {"east": "Pacific/Kiritimati", "west": "Pacific/Niue", "nowhere": "Mars/Base"}
    days = {name: _today(zone, now) for name, zone in zones.items()}
    assert days["east"] > days["west"]
    for name, zone in zones.items():
        closed = WEEKDAYS[days[name].weekday()]
        await rows.add_facility(name, time_zone=zone, closed_weekdays=[closed])
        await pharmacies.heard(name, now - 2 * DAY)
        assert (await report(model, name)).verdict == ("closed", "closed_weekday", True)
    await rows.add_facility("by date", time_zone=zones["east"], closed_weekdays=OPEN_DAILY)
    await pharmacies.heard("by date", now - 2 * DAY)
    await rows.add_closure("C", days["west"], days["west"], facility_id="by date")
    assert (await report(model, "by date")).verdict.closed_today is False
    await rows.add_closure("C", days["east"], days["east"], facility_id="by date")
    assert (await report(model, "by date")).verdict.closed_today is True


def _today(zone: str, now: datetime) -> date:
    return now.astimezone(INDIA if zone.startswith("Mars") else ZoneInfo(zone)).date()


async def test_pages_by_district_and_level(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    for number in range(1, 6):
        await rows.add_facility(f"F{number}", district_id=f"D{number % 2}", level="CHC")
    await rows.add_facility("F2", district_id="D1", level="PHC", valid_from=now - DAY)
    await rows.add_facility("F3", district_id="D9", valid_from=now + DAY)
    await pharmacies.heard("F3", now)

    async def ids(limit: int = 100, **asked: Any) -> list[str]:
        found = await list_reporting(model, limit=limit, **asked)
        return [one.facility_id for one in found.facilities]

    assert await ids() == ["F1", "F2", "F3", "F4", "F5"]
    assert await ids(limit=2, after="F2") == ["F3", "F4"]
    assert await ids(district_id="D1") == ["F1", "F2", "F3", "F5"]
    assert await ids(district_id="D1", level="PHC") == ["F2"]
    assert await ids(district_id="D0") == ["F4"]
    assert await ids(district_id="D9") == []
    third = (await list_reporting(model, after="F2", limit=1)).facilities[0]
    assert third.last_heard_at is not None
    assert third.last_heard_at.startswith(now.astimezone(UTC).isoformat()[:19])


async def test_a_stock_answer_remembers_for_a_minute(
    model: ReadModel, rows: Rows, pharmacies: Pharmacies, now: datetime
) -> None:
    """But when it was last heard of."""
    today = now.astimezone(INDIA).date()
    memory, forgetful = ReportingMemory(model), ReportingMemory(model, kept_seconds=0)

    async def tell(of: ReportingMemory, heard_on: date | None, *, anew: bool = False) -> str | None:
        return await of.tell("F1", partition=0, today=today, heard_on=heard_on, anew=anew)

    assert await tell(memory, None) is None
    await rows.add_facility("F1", closed_weekdays=OPEN_DAILY)
    assert await tell(memory, None) == await tell(forgetful, None) == "not_started"
    await pharmacies.heard("F1", now - DAY, delay=DAY)
    assert await tell(memory, today - DAY) == "live"
    assert await tell(memory, today - 3 * DAY) == "silent"
    assert await tell(forgetful, today - DAY) == "late"
    assert await tell(memory, today - DAY, anew=True) == "late"
    assert await tell(memory, today - DAY) == "late"
