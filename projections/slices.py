"""How a large facility's rows are divided: by event, or by item.

Each row of such a table is in exactly one slice, whatever it says, so a damaged one is seen too.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final

from projections.tables import FACILITY_TABLES, FIGURE_TABLES, Table
from stream.events import (
    LoggedEventReversed,
    LoggedLotHeld,
    LoggedLotReleased,
    StockEvent,
)

MOST_SLICES: Final = 250
"""Each is two open files."""

# The last two bytes: the first ones of an id say when it was made.
OF_EVENT: Final = """
  AND (get_byte(uuid_send({table}.event_id), 14) * 256 + get_byte(uuid_send({table}.event_id), 15))
      % $2::int = $3::int
"""

OF_ITEM: Final = """
  AND {table}.item_no % $2::int = $3::int
"""


def slice_of_event(event_id: str, slices: int) -> int:
    """As `OF_EVENT` has it in SQL."""
    return int(event_id[-4:], 16) % slices


NO_ITEM: Final = ""
"""No item's id."""


def about_items(event: StockEvent, takes: Callable[[str], bool]) -> StockEvent:
    """The event with nothing said on the lines about other items, each of which stays a line: of
    200 lines a slice may want one, and would otherwise hold all.
    """
    if isinstance(event, LoggedEventReversed | LoggedLotHeld | LoggedLotReleased):
        return event
    lines = tuple(line if takes(line.item_id) else _blank(type(line)) for line in event.lines)
    return event.model_copy(update={"lines": lines})


@cache
def _blank(kind: type[Any]) -> Any:
    return kind.model_construct(item_id=NO_ITEM, lot="", quantity=0, counted=0)


def _sliced(condition: str, *names: str) -> list[Table]:
    return [
        replace(table, select=table.select + condition.format(table=table.name))
        for table in (*FACILITY_TABLES, *FIGURE_TABLES)
        if table.name in names
    ]


EVENT_TABLES: Final = _sliced(
    OF_EVENT,
    "event",
    "reversal",
    "complete_count",
    "transfer_line",
    "lot_hold",
    "lot_manufacturer",
)
CARD_TABLES: Final = _sliced(OF_ITEM, "ledger_entry", "card")
ITEM_FIGURE_TABLES: Final = _sliced(OF_ITEM, "consumption_day", "stock_out", "item_state")
"""Each selected by facility_no, number of slices and slice."""

ACTIVITY, *_ = _sliced("", "facility_activity")
WHOLE_FIGURE_TABLES: Final = _sliced("", "patient_day", "facility_state")
"""Few rows a facility: never divided."""
