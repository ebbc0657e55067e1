"""How a large facility's rows are divided: by event, or by item.

Each row of such a table is in exactly one slice, whatever it says, so a damaged one is seen too.
"""

from dataclasses import replace
from typing import Final

from projections.tables import FACILITY_TABLES, FIGURE_TABLES, Table

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
