"""Playing the demo: register the state, count the shelves once, then live a day of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, TypeVar

from infra.demo.client import Client
from infra.demo.day import Day, open_pharmacies
from infra.demo.facts import Event
from infra.demo.medicines import prescribing_habits
from infra.demo.past import first_events
from infra.demo.shelves import Shelves
from infra.demo.state import Facility, State, small_state
from infra.local.failure import CannotStart
from projections.figures.days import india_today

SENDERS: Final = 4
AT_ONCE: Final = 4
MOST_WAITING: Final = 500
"""Events that wait while the API is away; then the counters close."""
LOOK_SECONDS: Final = 0.2

Say = Callable[[str], None]
_T = TypeVar("_T")


@dataclass
class Played:
    """How far the day is; the view reads it."""

    posted: int = 0
    waiting: int = 0


async def prepare(client: Client, say: Say) -> Day:
    """The state registered and counted, whatever of it was there before. Raises CannotStart."""
    state = small_state()
    await _until_current(client)
    await _register(client, state, say)
    await _count_shelves(client, state, say)
    await _until_current(client)
    facilities = state.open_facilities
    shelves = await _together(lambda each: _look(client, each), facilities)
    by_id = zip((each.facility_id for each in facilities), shelves, strict=True)
    return Day(open_pharmacies(state, prescribing_habits(), dict(by_id)), Random())


async def play(client: Client, day: Day, played: Played, beside: Coroutine[Any, Any, None]) -> None:
    """For ever, at real time: an event is posted when it happens. `beside` runs along."""
    waiting: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)

    async def send() -> None:
        while True:
            await client.post(await waiting.get())
            played.posted += 1
            played.waiting = waiting.qsize()

    async def live() -> None:
        day.plan_stories(datetime.now(UTC))
        while True:
            await asyncio.sleep(day.seconds_to_next())
            await waiting.put(day.next_event(datetime.now(UTC)))
            played.waiting = waiting.qsize()

    try:
        async with asyncio.TaskGroup() as tasks:
            for work in (beside, live(), *(send() for _ in range(SENDERS))):
                tasks.create_task(work)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _register(client: Client, state: State, say: Say) -> None:
    known = await client.list_ids("/v1/facilities", "facilities", "facility_id")
    if known and not known & state.by_id.keys():
        raise CannotStart(
            "this folder holds a service with facilities of its own, which the demo would mix "
            "with made-up ones for ever: give the demo another one with --data-dir"
        )
    for path, name, id_field in (
        ("/v1/districts", "districts", "district_id"),
        ("/v1/items", "items", "item_id"),
        ("/v1/norms", "norms", "norm_id"),
        ("/v1/chains", "chains", "chain_id"),
        ("/v1/directives", "directives", "directive_id"),
    ):
        known |= await client.list_ids(path, name, id_field)
    missing = [record for record in state.records(india_today()) if _id(record) not in known]
    if missing:
        say(
            f"registering {len(state.districts)} districts, {len(state.facilities)} facilities "
            f"and {len(state.medicines)} medicines"
        )
        await client.post_all("/v1/reference/batch", missing)


async def _count_shelves(client: Client, state: State, say: Say) -> None:
    """What is there already is not posted again."""
    habits, now = prescribing_habits(), datetime.now(UTC)
    first = [first_events(each, state, habits, at=now) for each in state.open_facilities]

    async def missing_of(own: list[Event]) -> list[Event]:
        # They were sent in order: with the last one, all are there.
        if await _is_recorded(client, own[-1]):
            return []
        return [event for event in own if not await _is_recorded(client, event)]

    missing = [event for own in await _together(missing_of, first) for event in own]
    if missing:
        lines = sum(len(event["lines"]) for event in missing)
        say(f"counting the shelves, typing in the last two weeks: {lines:,} lines")
        await client.post_all("/v1/events/batch", missing)


async def _is_recorded(client: Client, event: Event) -> bool:
    return await client.exists(f"/v1/facilities/{event['facility_id']}/events/{event['event_id']}")


async def _look(client: Client, facility: Facility) -> Shelves:
    stock = await client.get(f"/v1/facilities/{facility.facility_id}/stock", limit=1000)
    return Shelves.of_stock(stock)


async def _until_current(client: Client) -> None:
    """Until the figures hold all that was accepted before now."""
    now = datetime.now(UTC)
    while True:
        _, as_of = await client.overview(limit=1)
        if as_of is not None and as_of >= now:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _together(
    work: Callable[[Any], Coroutine[Any, Any, _T]], each: Iterable[Any]
) -> list[_T]:
    """The results in order, of a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(what: Any) -> _T:
        async with gate:
            return await work(what)

    return await asyncio.gather(*(one(what) for what in each))


def _id(record: dict[str, Any]) -> str:
    found: str = record[f"{record['kind']}_id"]
    return found
