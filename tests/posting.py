"""Pharmacies that post through the HTTP API and don't let go until each event is acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import httpx

from tests.pharmacy import Event, events_of
from tests.read_model import Key

FACILITIES = tuple(f"PHC-{number}" for number in range(8))
BATCH_EVERY = 4
BATCH_EVENTS = 10
PAUSE_SECONDS = 0.15


class Posting:
    """`acknowledged` is in the order of the answers."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.acknowledged: list[Key] = []
        self._client = client
        self._asked_to_stop = False

    async def register(self) -> None:
        """Make the facilities known."""
        for facility_id in FACILITIES:
            record = {"name": facility_id, "level": "PHC", "district_id": "ajmer", "state": "RJ"}
            while await self._status("PUT", f"/v1/facilities/{facility_id}", record) != 202:
                await asyncio.sleep(PAUSE_SECONDS)

    async def post(self) -> None:
        """Post for all facilities until told to stop, and to the end of what was begun."""
        async with asyncio.TaskGroup() as tasks:
            for facility_id in FACILITIES:
                tasks.create_task(self._post_days(facility_id))

    def stop(self) -> None:
        self._asked_to_stop = True

    async def _post_days(self, facility_id: str) -> None:
        events = events_of(facility_id)
        turn = 0
        while not self._asked_to_stop:
            turn += 1
            if turn % BATCH_EVERY:
                await self._post_one(next(events))
            else:
                await self._post_batch(list(islice(events, BATCH_EVENTS)))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _post_one(self, event: Event) -> None:
        while await self._status("POST", "/v1/events", event) != 202:
            await asyncio.sleep(PAUSE_SECONDS)
        self._acknowledge(event)

    async def _post_batch(self, events: Sequence[Event]) -> None:
        left = list(events)
        while left:
            answer = await self._answer("POST", "/v1/events/batch", left)
            if answer is None or answer.status_code == 503:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            assert answer.status_code == 200, answer.text
            results = answer.json()["results"]
            for event, result in zip(left, results, strict=True):
                if result["status"] == "accepted":
                    self._acknowledge(event)
                else:
                    assert result["problem"]["status"] == 503, result
            left = [
                event
                for event, result in zip(left, results, strict=True)
                if result["status"] != "accepted"
            ]

    async def _status(self, method: str, path: str, body: Any) -> int | None:
        answer = await self._answer(method, path, body)
        if answer is None:
            return None
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code

    async def _answer(self, method: str, path: str, body: Any) -> httpx.Response | None:
        try:
            return await self._client.request(method, path, json=body)
        except httpx.TransportError:
            return None

    def _acknowledge(self, event: Event) -> None:
        self.acknowledged.append((event["facility_id"], event["event_id"]))


@asynccontextmanager
async def posting(url: str) -> AsyncIterator[Posting]:
    """Post until the block ends, and to the end of what was begun."""
    async with httpx.AsyncClient(base_url=url, timeout=15) as client:
        pharmacies = Posting(client)
        await pharmacies.register()
        task = asyncio.create_task(pharmacies.post())
        try:
            yield pharmacies
            assert not task.done(), task.exception()
            pharmacies.stop()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])
