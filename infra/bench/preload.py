"""Filling the topic before a projection is timed."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from infra.bench.stack import BenchStack
from stream.appending import Appended
from stream.codec import OutgoingRecord, encode_event
from stream.errors import Unavailable
from stream.keyring import KeyRing
from stream.log import EventLog
from stream.posting import parse_event

CHUNK: Final = 4_000
Thing = TypeVar("Thing")


async def preload(stack: BenchStack, events: Iterable[dict[str, Any]], *, partitions: int) -> int:
    """Append events to the log as the API would, in order within each partition; how many."""
    count = 0
    log = EventLog(stack.servers.kafka_settings)
    await log.start()
    try:
        for records in chunks(encode(events, stack.folder, partitions=partitions), CHUNK):
            for answer in await log.append(records):
                if not isinstance(answer, Appended):
                    raise Unavailable(f"the log could not be filled: {answer.detail}")
            count += len(records)
    finally:
        await log.stop()
    return count


def encode(
    events: Iterable[dict[str, Any]], folder: Path, *, partitions: int
) -> Iterator[OutgoingRecord]:
    """The log records of posted events."""
    keys = KeyRing(folder / "keys.json", "XX")
    for event in events:
        yield encode_event(
            parse_event(event), recorded_by="bench", source="api", partitions=partitions, keys=keys
        )


def chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    iterator = iter(things)
    while chunk := list(islice(iterator, size)):
        yield chunk
