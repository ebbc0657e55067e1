"""Ledger rows of dispenses, for baselines that write the projector's tables their own way."""

from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson

EventRow = tuple[int, UUID, str, datetime, datetime, int, int, bytes, str]
LineRow = tuple[int, int, str, datetime, UUID, int, bool, int, int, datetime]


class Numbers:
    """Short numbers for ids, as the projector's dictionaries give them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = count(1)

    def __getitem__(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = next(self._next)
        return number


class RowMaker:
    """The rows of one logged dispense: those that the projector writes, but for the balance."""

    def __init__(self) -> None:
        self._facilities = Numbers()
        self._items = Numbers()

    def make(
        self, value: bytes, content: bytes, recorded_at: datetime, partition: int, offset: int
    ) -> tuple[EventRow, list[LineRow]]:
        body: dict[str, Any] = orjson.loads(value)
        facility_no, event_id = self._facilities[body["facility_id"]], UUID(body["event_id"])
        occurred_at = datetime.fromisoformat(body["occurred_at"])
        event = (
            facility_no,
            event_id,
            body["type"],
            occurred_at,
            recorded_at,
            partition,
            offset,
            content,
            value.decode(),
        )
        lines = [
            (
                facility_no,
                self._items[line["item_id"]],
                line.get("lot", ""),
                occurred_at,
                event_id,
                line_no,
                False,
                -line["quantity"],
                0,
                recorded_at,
            )
            for line_no, line in enumerate(body["lines"], 1)
        ]
        return event, lines
