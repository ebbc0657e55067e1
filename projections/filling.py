"""Filling a read model that isn't live, from plain consumers, by the same lanes as a worker's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition

from projections.decoding import PROJECTED_TOPICS
from projections.log_reading import LogReader, Offsets
from projections.projector import Projector, open_projector
from projections.settings import ProjectorSettings
from stream.batches import RecordBatch
from stream.settings import KafkaSettings
from stream.topics import REFERENCE

POLL_SECONDS: Final = 0.01


class Filling:
    """Made by `open_filling`."""

    def __init__(
        self,
        projector: Projector,
        projecting: "asyncio.Task[None]",
        log: LogReader,
        epochs: Mapping[tuple[str, int], int],
    ) -> None:
        self._projector = projector
        self._projecting = projecting
        self._log = log
        self._epochs = epochs

    def next_offsets(self) -> Offsets:
        """How far each partition is filled."""
        return self._projector.next_offsets()

    async def reach(self, stops: Offsets, progress: Callable[[int], None] | None = None) -> None:
        """Project up to `stops`, the reference records first; what is further already stays.

        Args:
            progress: called with the number of records that are projected in all.
        """
        for is_reference in (True, False):
            await self._reach(
                {
                    place: stop
                    for place, stop in stops.items()
                    if (place[0] == REFERENCE) is is_reference
                },
                progress or _silent,
            )

    async def settle(self) -> None:
        """Bring the figures to today."""
        await self._or_failure(self._projector.settle_figures())

    async def _reach(self, stops: Offsets, progress: Callable[[int], None]) -> None:
        async for records in self._log.read(self.next_offsets(), stops, self._choose):
            topic, partition = place = (records[0].topic, records[0].partition)
            batch = RecordBatch(topic, partition, self._epochs[place], records)
            await self._projector.submit(batch)
            progress(sum(self.next_offsets().values()))
        while any(self.next_offsets()[place] < stop for place, stop in stops.items()):
            await self._or_failure(asyncio.sleep(POLL_SECONDS))
        progress(sum(self.next_offsets().values()))

    async def _choose(self, places: Collection[tuple[str, int]]) -> Collection[tuple[str, int]]:
        """Those whose lane has room: one with much to do leaves no other without work."""
        await self._or_failure(self._projector.wait_for_room({number for _, number in places}))
        return [place for place in places if self._projector.has_room(place[1])]

    async def _or_failure(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for `work`; raises what broke in the projector, which may be what it waits for."""
        task = asyncio.ensure_future(work)
        await asyncio.wait({task, self._projecting}, return_when=asyncio.FIRST_COMPLETED)
        if self._projecting.done():
            task.cancel()
            self._projecting.result()
        await task


@asynccontextmanager
async def open_filling(
    settings: ProjectorSettings, kafka: KafkaSettings, log: LogReader, *, model: int
) -> AsyncIterator[Filling]:
    """Claims all partitions of a model that isn't live; it goes on where it was.

    Raises Corrupt if the log isn't the one that the model was filled from so far.
    """
    everything = [
        TopicPartition(topic, number)
        for topic in PROJECTED_TOPICS
        for number in range(log.partitions[topic])
    ]
    async with open_projector(settings, kafka, model=model, live=False) as projector:
        claims = await projector.claim(everything)
        epochs = {(tp.topic, tp.partition): claim.epoch for tp, claim in claims.items()}
        projecting = asyncio.create_task(_run(projector))
        try:
            yield Filling(projector, projecting, log, epochs)
        finally:
            projecting.cancel()
            await asyncio.gather(projecting, return_exceptions=True)


async def _run(projector: Projector) -> None:
    """Raises the first failure itself instead of a group."""
    try:
        await projector.run()
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from None


def _silent(_done: int) -> None: ...
