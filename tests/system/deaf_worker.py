"""A worker whose consumer dies silently when a marker file appears: it fetches nothing any more.

Run as a program. It takes the marker away as it goes deaf, and stays a member of its group, as
heartbeats go on.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from infra.logging import configure_logging
from infra.worker import main
from stream.batches import RecordBatchConsumer

DEAF = Path(os.environ["GO_DEAF"])

getmany = RecordBatchConsumer.getmany


async def getmany_or_hang(self: RecordBatchConsumer, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109
    if goes_deaf():
        await asyncio.Event().wait()
    async for fetched in getmany(self, timeout):
        yield fetched


def goes_deaf() -> bool:
    told = DEAF.exists()
    DEAF.unlink(missing_ok=True)
    return told


configure_logging()
with patch.object(RecordBatchConsumer, "getmany", getmany_or_hang):
    main()
