"""Reading the log without a consumer group."""

from collections.abc import Collection
from pathlib import Path

from projections.log_reading import open_log
from stream.topics import STOCK_EVENTS
from tests.feeding import append_some
from tests.stack import Stack

Places = Collection[tuple[str, int]]


async def test_only_what_is_chosen_is_fetched(stack: Stack, tmp_path: Path) -> None:
    """From the last partition to the first, each to its stop."""
    await append_some(stack, tmp_path, rounds=4)

    async def last(places: Places) -> Places:
        return [max(places)]

    async with open_log(stack.kafka_settings) as log:
        ends = await log.find_ends([STOCK_EVENTS])
        stops = {place: end - 1 for place, end in ends.items() if end > 1}
        records = [one async for read in log.read({}, stops, last) for one in read]
    assert len(stops) > 2
    assert [(one.partition, one.offset) for one in records] == [
        (partition, offset)
        for (_, partition), stop in sorted(stops.items(), reverse=True)
        for offset in range(stop)
    ]
