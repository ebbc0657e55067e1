"""What an append answers, and the tally of one that is under way."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from stream.codec import OutgoingRecord
from stream.errors import Unavailable


class Appended(NamedTuple):
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
        ended: Callable[["Appending"], None],
    ) -> None:
        self.records = records
        self._ended = ended
        self._answers: list[Answer | None] = [None] * len(records)
        self._left = len(records)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, index: int, answer: Answer) -> None:
        self._answers[index] = answer
        self._left -= 1
        if self._left == 0:
            self._done.set_result(None)
            self._ended(self)

    @property
    def answers(self) -> list[Answer]:
        """One a record, in order, once all are there."""
        return [answer for answer in self._answers if answer is not None]

    async def wait(self) -> list[Answer]:
        await asyncio.shield(self._done)
        return self.answers
