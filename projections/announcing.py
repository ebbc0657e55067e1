"""Telling the API's processes, and whoever asks in this one, that something new is visible.

One payload-free NOTIFY after a commit, on a connection of its own with synchronous_commit off: a
NOTIFY inside the projecting transaction would serialise all commits of the database.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg

CHANNEL: Final = "dawalog_projected"


class Announcer:
    """Sends a NOTIFY for what was committed since the last one."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection
        self._news = asyncio.Event()
        self._told: list[Callable[[], None]] = []

    def on_news(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each commit."""
        self._told.append(tell)

    def announce(self) -> None:
        self._news.set()
        for tell in self._told:
            tell()

    async def run(self) -> None:
        await self._connection.execute("SET synchronous_commit = off")
        while True:
            await self._news.wait()
            self._news.clear()
            await self._connection.execute(f"NOTIFY {CHANNEL}")
