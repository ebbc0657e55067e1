"""The demo's three stories beside its day: who is in them, and how each stands by the API."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from infra.demo.client import Client
from infra.demo.facts import Pharmacy
from infra.demo.state import NEVER_STARTED, Facility

INDIA: Final = ZoneInfo("Asia/Kolkata")


class Relief(NamedTuple):
    """`to` has none of the item, and its supplier has."""

    to: Facility
    item_id: str


class Cast(NamedTuple):
    offline: Facility
    relief: Relief | None
    """None where nothing is out that could be sent."""


def choose_cast(pharmacies: Sequence[Pharmacy]) -> Cast:
    """The busiest PHC was offline; what most ask for in vain is sent."""
    offline = max(
        (each for each in pharmacies if each.facility.level == "PHC"),
        key=lambda each: (each.facility.patients_a_day, each.facility_id),
    )
    by_id = {each.facility_id: each for each in pharmacies}
    in_vain = [
        (habit.weight * each.facility.patients_a_day, each.facility_id, habit.item_id)
        for each in pharmacies
        if each.facility.level != "COUNTER"
        for habit in each.habits
        if not each.shelves.on_hand(habit.item_id)
        and (supplier := by_id.get(each.facility.supplier_id or ""))
        and supplier.shelves.on_hand(habit.item_id)
    ]
    _, facility_id, item_id = max(in_vain, default=(0, "", ""))
    relief = Relief(by_id[facility_id].facility, item_id) if facility_id else None
    return Cast(offline.facility, relief)


async def tell_stories(client: Client, cast: Cast) -> list[str]:
    """A sentence each, of what the API says now."""
    told = [await _tell_relief(client, *cast.relief)] if cast.relief else []
    return [*told, await _tell_offline(client, cast.offline), await _tell_never_started(client)]


async def _tell_relief(client: Client, to: Facility, item_id: str) -> str:
    stock = await client.get(f"/v1/facilities/{to.facility_id}/stock", item_id=item_id)
    (item,) = stock["items"]
    if item["status"] == "out":
        since = datetime.fromisoformat(item["out_since"]).astimezone(INDIA)
        return (
            f"Stock-out: {to.name} has had no {item['name']} since {since:%d %b}; "
            "a transfer is on its way"
        )
    return f"Stock-out ended: a transfer came to {to.name}, {item['usable']:,} of {item['name']}"


async def _tell_offline(client: Client, offline: Facility) -> str:
    """By its day book: later, most of what it sends is in time, and it isn't late any more."""
    now = datetime.now(INDIA)
    days = {"from": now - timedelta(days=4), "to": now - timedelta(hours=36)}
    asked = {name: instant.isoformat() for name, instant in days.items()}
    book = await client.get(f"/v1/facilities/{offline.facility_id}/events", limit=1, **asked)
    if book["events"]:
        return f"Late: {offline.name} is back online and has sent what it gave out two days ago"
    return f"Late: {offline.name} is offline; what it gave out two days ago hasn't come yet"


async def _tell_never_started(client: Client) -> str:
    report = await client.get(f"/v1/facilities/{NEVER_STARTED}/reporting")
    if report["reporting"] == "not_started":
        return f"Never started: {report['name']} has posted nothing yet, and is in no rate"
    return f"{report['name']} has started"
