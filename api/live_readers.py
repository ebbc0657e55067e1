"""Those who read the live stream: what each wants, and what waits for it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from api.metrics import LIVE_DROPPED
from projections.queries.changes import Filters
from projections.queries.item_rows import ItemRow

MOST_WAITING: Final = 1_000
"""A reader that still has so many rows to take when there is something new is dropped."""

MOST_AT_ONCE: Final = 100
"""Rows handed on together: what the server then buffers for a reader is bounded by that."""

Key = tuple[str, str | None]


class Told(NamedTuple):
    """A row as readers get it. Made once for all of them.

    `block` has the position before the change, `last` the one after it: a reader that was cut off
    amid several rows of one change resumes from before it, and gets them all again.
    """

    row: ItemRow
    block: bytes
    last: bytes


class Reader:
    """One open stream."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.is_closed = False
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()

    @property
    def keys(self) -> list[Key]:
        """Under which it is found: one kind, the narrowest of its filters."""
        facility_ids, district_ids, item_ids = self.filters
        if facility_ids is not None:
            return [("facility", one) for one in facility_ids]
        if district_ids is not None:
            return [("district", one) for one in district_ids]
        if item_ids is not None:
            return [("item", one) for one in item_ids]
        return [("any", None)]

    def tell(self, rows: Sequence[Told]) -> None:
        if rows:
            self.put([*(told.block for told in rows[:-1]), rows[-1].last])

    def put(self, blocks: Iterable[bytes]) -> None:
        """Blocks to be read soon; a reader that is far behind is dropped instead."""
        if len(self._waiting) > MOST_WAITING:
            LIVE_DROPPED.inc()
            self.close()
            return
        self._waiting.extend(blocks)
        self._news.set()

    def restart(self, block: bytes) -> None:
        """What waits counts no more."""
        self._waiting.clear()
        self.put([block])

    def close(self) -> None:
        """End it; nothing is kept for it."""
        self.is_closed = True
        self._waiting.clear()
        self._news.set()

    async def take(self, *, seconds: float) -> bytes:
        """What waits, or comes within `seconds`; nothing if nothing comes, or it is closed."""
        if not self._waiting and not self.is_closed:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return b""
        count = min(MOST_AT_ONCE, len(self._waiting))
        return b"".join(self._waiting.popleft() for _ in range(count))


class Readers:
    """Found by what they want, so that a change costs what its readers cost."""

    def __init__(self) -> None:
        self._all: set[Reader] = set()
        self._by_key: defaultdict[Key, set[Reader]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Reader]:
        return iter(list(self._all))

    def add(self, reader: Reader) -> None:
        self._all.add(reader)
        for key in reader.keys:
            self._by_key[key].add(reader)

    def remove(self, reader: Reader) -> None:
        """It need not be there."""
        self._all.discard(reader)
        for key in reader.keys:
            if key in self._by_key:
                self._by_key[key].discard(reader)
                if not self._by_key[key]:
                    del self._by_key[key]

    def tell(self, rows: Iterable[Told]) -> None:
        """Give each reader those of the rows that it wants."""
        wanted: defaultdict[Reader, list[Told]] = defaultdict(list)
        for told in rows:
            for reader in self._find(told.row):
                wanted[reader].append(told)
        for reader, of_reader in wanted.items():
            reader.tell(of_reader)
            if reader.is_closed:
                self.remove(reader)

    def _find(self, row: ItemRow) -> Iterator[Reader]:
        keys: tuple[Key, ...] = (
            ("facility", row.facility_id),
            ("district", row.district_id),
            ("item", row.stock.item_id),
            ("any", None),
        )
        for key in keys:
            for reader in self._by_key.get(key, ()):
                if reader.filters.match(row):
                    yield reader
