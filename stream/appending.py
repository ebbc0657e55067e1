"""What an append answers, and the tally of one that is under way."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from stream.codec import OutgoingRecord
from stream.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Appended:
    """The record is in the log, on as many disks as the topic asks for."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime


Answer: TypeAlias = Appended | Unavailable


class Appending:
    """Records handed in together. Goes on to its end though nobody waits for it any more."""

    def __init__(
        self,
        records: Sequence[OutgoingRecord],
        settled: Callable[[OutgoingRecord, Answer], None],
    ) -> None:
        self.records = records
        self._settled = settled
        self._answers: list[Answer | None] = [None] * len(records)
        self._left = len(records)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, index: int, answer: Answer) -> None:
        self._answers[index] = answer
        self._settled(self.records[index], answer)
        self._left -= 1
        if self._left == 0 and not self._done.done():
            self._done.set_result(None)

    async def wait(self) -> list[Answer]:
        """One answer a record, in order."""
        if self._left:
            await asyncio.shield(self._done)
        return [answer for answer in self._answers if answer is not None]
