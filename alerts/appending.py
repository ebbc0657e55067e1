"""What evaluation found, on its way to the log and back to the read model."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import structlog

from alerts.difference import Finding
from stream.appending import Appended
from stream.codec import encode_alert_event
from stream.log import EventLog

log = structlog.get_logger()

SOURCE: Final = "alerts"
PROJECTED_WITHIN_SECONDS: Final = 10.0
"""For so long what was appended is waited for."""

PROJECTED_POLL_SECONDS: Final = 0.02

NEXT_OFFSETS: Final = "SELECT topic, partition, next_offset FROM position"


class Appender:
    """Appends findings, and knows which of them aren't projected yet."""

    def __init__(self, connection: "asyncpg.Connection[Any]", event_log: EventLog) -> None:
        self._connection = connection
        self._log = event_log
        self._appended: dict[tuple[str, int], int] = {}

    async def append(self, findings: Sequence[Finding]) -> bool:
        """Whether the log took them all."""
        records = [
            encode_alert_event(
                finding, recorded_by=SOURCE, source=SOURCE, partitions=self._log.partitions
            )
            for finding in findings
        ]
        for answer in await self._log.append(records):
            if not isinstance(answer, Appended):
                log.warning("what was found could not be appended", reason=answer.detail)
                return False
            place = (answer.topic, answer.partition)
            self._appended[place] = max(answer.offset + 1, self._appended.get(place, 0))
        return True

    async def until_projected(self) -> None:
        """What was found must be visible before the next look, or it would be found once more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PROJECTED_WITHIN_SECONDS
        while self._appended and loop.time() < until:
            for topic, partition, next_offset in await self._connection.fetch(NEXT_OFFSETS):
                if next_offset >= self._appended.get((topic, partition), 2**63):
                    del self._appended[topic, partition]
            if self._appended:
                await asyncio.sleep(PROJECTED_POLL_SECONDS)
        self._appended.clear()
