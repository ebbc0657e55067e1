"""What the demo shows: a live view at a terminal, else a line now and then."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rich.console import Console
from rich.live import Live

from infra.demo.client import Client
from infra.demo.panel import Look, age_of_figures, draw, sum_up
from infra.demo.play import Played
from infra.demo.stories import Cast, tell_stories

LOOK_SECONDS: Final = 2.0
LINE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 4.0
"""After which the last figures are shown again, as old as they are by then."""
SHORTAGES: Final = 20


async def show(client: Client, url: str, page: str, cast: Cast, played: Played) -> None:
    """For ever. `page` is the line that was printed last, which stays in sight."""
    if sys.stdout.isatty():
        await _show_live(client, url, page, cast, played)
    else:
        await _print_lines(client, cast, played)


async def _show_live(client: Client, url: str, page: str, cast: Cast, played: Played) -> None:
    with Live(console=Console(), auto_refresh=False) as live, _logs_above():
        look = await _look(client, cast)
        while True:
            height = live.console.height - len(page) // live.console.width - 1
            live.update(draw(look, url, played, height), refresh=True)
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    look = await _look(client, cast)


async def _print_lines(client: Client, cast: Cast, played: Played) -> None:
    """A story is told again when it has gone on."""
    told: list[str] = []
    while True:
        look = await _look(client, cast)
        for story in look.stories:
            if story not in told:
                print(f"story {story}", flush=True)
        told = look.stories
        pace = look.overview["events_per_second"]
        print(
            f"posted {played.posted:,} events, {pace:.1f}/s, {age_of_figures(look)}; "
            f"{'; '.join(sum_up(look))}",
            flush=True,
        )
        await asyncio.sleep(LINE_SECONDS)


@contextmanager
def _logs_above() -> Iterator[None]:
    """While it is live, rich puts what goes to stderr above the view: log there, too."""
    handlers = [
        each for each in logging.getLogger().handlers if isinstance(each, logging.StreamHandler)
    ]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.setStream(stream or sys.__stderr__)


async def _look(client: Client, cast: Cast) -> Look:
    overview, as_of = await client.overview(limit=1)
    summary = await client.get("/v1/summary", by="state")
    shortages = await client.get("/v1/shortages", limit=SHORTAGES)
    stories = await tell_stories(client, cast)
    (state,) = summary["groups"]
    return Look(overview, as_of, state, shortages["shortages"], stories)
