"""The view at a terminal, drawn from answers of the API."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.demo.play import Played

STANDING: Final = 16
"""Lines that are there whatever the height."""
LEAST: Final = 3
MOST_SHORTAGES: Final = 12

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
    """Answers of the API; all that was accepted until `as_of` is in the overview."""

    overview: dict[str, Any]
    as_of: datetime | None
    summary: dict[str, Any]
    shortages: list[dict[str, Any]]
    stories: list[str]


def draw(look: Look, url: str, played: Played, height: int) -> RenderableType:
    """As much as fits into so many lines."""
    rows = max(2 * LEAST, height - STANDING)
    shortages = min(MOST_SHORTAGES, len(look.shortages), rows - LEAST)
    return Panel(
        Group(
            Text.assemble((url, "bold underline"), "; the line above is its page, signed in"),
            _pace(look, played),
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in sum_up(look)),
            Text(),
            *(Text(f"• {story}", no_wrap=True, overflow="ellipsis") for story in look.stories),
            Text(),
            _shortages(look, shortages),
            Text(),
            _events(look, rows - shortages),
        ),
        title="Dawalog: a made-up small state, live",
        subtitle="Ctrl-C stops it in order",
    )


def sum_up(look: Look) -> tuple[str, str]:
    """Essential medicines that are available, and what that rate leaves out; patients."""
    rate, summary = look.summary["stock_out_rate"], look.summary
    available = rate["denominator"] - rate["numerator"]
    share = floor(10_000 * available / max(1, rate["denominator"])) / 100
    counted = f"{available:,} of {rate['denominator']:,} counted"
    reporting = (
        f"{summary['reporting']} facilities reporting, {summary['not_reporting']} silent, "
        f"{summary['not_started']} not started"
    )
    sent_away = f"{summary['patients']['sent_away']:,} patients sent away today"
    return (
        f"{share:.2f} % of essential medicines available ({counted})",
        f"{reporting}; {sent_away}",
    )


def _pace(look: Look, played: Played) -> Text:
    text = Text()
    text.append(f"{look.overview['events_per_second']:.1f} events/s", style="bold")
    text.append(f" over the last minute · {played.posted:,} posted · ")
    text.append(age_of_figures(look))
    if played.waiting:
        text.append(f" · {played.waiting} waiting to be sent", style="yellow")
    return text


def age_of_figures(look: Look) -> str:
    if look.as_of is None:
        return "age of the figures unknown"
    return f"figures at most {_seconds_since(look.as_of):.1f} s old"


def _shortages(look: Look, rows: int) -> Table:
    table = _table("Out, longest first", "Medicine", "Facility", "For>", "Not served>", "Nearest")
    for each in look.shortages[:rows]:
        near = each["nearest_surplus"]
        table.add_row(
            Text(each["item_name"] or each["item_id"]),
            Text(each["facility_name"] or each["facility_id"]),
            Text(_ago(each["out_since"]), style="red"),
            f"{each['patients_not_served']:,}",
            Text(f"{near['can_give']:,} at {near['name']}" if near else "nobody has too much"),
        )
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
        wide = column in ("Facility", "Medicine", "Nearest", "What")
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
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} days"


def _seconds_since(instant: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - instant) / timedelta(seconds=1))
