"""What the demo shows at a terminal, and the lines that it prints elsewhere."""

import asyncio
import itertools
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.demo.client import Client
from infra.demo.medicines import prescribing_habits
from infra.demo.play import Played

LOOK_SECONDS: Final = 2.0
LINE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 4.0
"""After which the last figures are shown again, as old as they are by then."""
FACILITIES: Final = 40
SHELF_ITEMS: Final = 10
LEAST_EVENTS: Final = 3
LOOKS_A_SHELF: Final = 5

PRESCRIBED: Final = frozenset(habit.item_id for habit in prescribing_habits())
VERBS: Final = {
    "stock_received": "received",
    "stock_issued": "issued",
    "transfer_dispatched": "sent",
    "transfer_received": "got",
    "medicine_dispensed": "gave",
    "medicine_returned": "took back",
    "stock_adjusted": "adjusted",
    "stock_counted": "counted",
    "lot_held": "held",
    "lot_released": "released",
    "event_reversed": "reversed",
}


@dataclass(frozen=True)
class Look:
    """Two answers of the API; all that was accepted until `as_of` is in the first."""

    overview: dict[str, Any]
    as_of: datetime | None
    shelf: dict[str, Any]
    shelf_name: str


async def show(client: Client, url: str, played: Played) -> None:
    """For ever: a live view at a terminal, else a line now and then."""
    if sys.stdout.isatty():
        await _show_live(client, url, played)
    else:
        await _print_lines(client, played)


async def _show_live(client: Client, url: str, played: Played) -> None:
    with Live(console=Console(), auto_refresh=False) as live, _logs_above():
        look = await _look(client, 0)
        for number in itertools.count(1):
            live.update(_page(look, url, played, live.console.height), refresh=True)
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    look = await _look(client, number)


async def _print_lines(client: Client, played: Played) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        look = await _look(client, 0)
        pace = look.overview["events_per_second"]
        print(f"posted {played.posted:,} events, {pace:.1f}/s, {_age(look)}", flush=True)


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


async def _look(client: Client, number: int) -> Look:
    overview, as_of = await client.overview(sort="out", limit=FACILITIES)
    facilities = overview["facilities"]
    place = facilities[number // LOOKS_A_SHELF % len(facilities)]
    shelf = await client.get(f"/v1/facilities/{place['facility_id']}/stock", limit=1000)
    return Look(overview, as_of, shelf, place["name"])


def _page(look: Look, url: str, played: Played, height: int) -> RenderableType:
    """As much as fits the terminal's height."""
    rows = max(SHELF_ITEMS + LEAST_EVENTS, height - 9)
    columns = Table.grid(expand=True, padding=(0, 2))
    columns.add_column(ratio=2)
    columns.add_column(ratio=3)
    right = Group(_shelf(look), Text(), _events(look, rows - SHELF_ITEMS - 3))
    columns.add_row(_facilities(look, rows), right)
    return Panel(
        Group(_headline(look, url, played), Text(), columns),
        title="Dawalog: a made-up small state, live",
        subtitle="Ctrl-C stops it in order",
    )


def _headline(look: Look, url: str, played: Played) -> Text:
    text = Text()
    text.append(f"{url}/\n", style="bold underline")
    text.append(f"{look.overview['events_per_second']:.1f} events/s", style="bold")
    text.append(f" over the last minute · {played.posted:,} posted · ")
    text.append(_age(look))
    if played.waiting:
        text.append(f" · {played.waiting} waiting to be sent", style="yellow")
    return text


def _age(look: Look) -> str:
    if look.as_of is None:
        return "age of the figures unknown"
    return f"figures at most {_seconds_since(look.as_of):.1f} s old"


def _facilities(look: Look, rows: int) -> Table:
    table = _table("Most items out", "Facility", "In stock>", "Out>", "Heard>")
    for place in look.overview["facilities"][:rows]:
        heard = place["last_heard_at"]
        table.add_row(
            Text(place["name"]),
            f"{place['items_in_stock']:,}",
            Text(f"{place['items_out']:,} out", style="red" if place["items_out"] else ""),
            _ago(heard) if heard else "never",
        )
    return table


def _shelf(look: Look) -> Table:
    """Of what its OPD prescribes: what is out or nearly so."""
    table = _table(f"Least left at {look.shelf_name}", "Medicine", "Usable>", "Status")
    items = [item for item in look.shelf["items"] if item["item_id"] in PRESCRIBED]
    for item in sorted(items, key=lambda item: item["usable"])[:SHELF_ITEMS]:
        out = item["status"] == "out"
        status = Text("out", style="red") if out else Text("")
        table.add_row(Text(item["name"] or item["item_id"]), f"{item['usable']:,}", status)
    return table


def _events(look: Look, rows: int) -> Table:
    table = _table("Newest events", "Ago>", "Facility", "What")
    for event in look.overview["newest_events"][:rows]:
        name = event["facility_name"] or event["facility_id"]
        table.add_row(_ago(event["recorded_at"]), Text(name), Text(_sentence(event)))
    return table


def _sentence(event: dict[str, Any]) -> str:
    lines = [f"{line['name'] or line['item_id']} × {line['quantity']:,}" for line in event["lines"]]
    more = event["line_count"] - len(lines)
    return f"{VERBS.get(event['type'], event['type'])} {', '.join(lines)}" + (
        f" and {more} more" if more > 0 else ""
    )


def _table(title: str, *columns: str) -> Table:
    """A column's name ends in > where its values stand at the right."""
    table = Table(title=title, title_justify="left", expand=True, box=None, header_style="dim")
    for column in columns:
        wide = column in ("Facility", "Medicine", "What")
        table.add_column(
            column.removesuffix(">"),
            justify="right" if column.endswith(">") else "left",
            ratio=2 if column == "What" else 1 if wide else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _ago(instant: str) -> str:
    seconds = round(_seconds_since(datetime.fromisoformat(instant)))
    if seconds < 100:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _seconds_since(instant: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - instant) / timedelta(seconds=1))
