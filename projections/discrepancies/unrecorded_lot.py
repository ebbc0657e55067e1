"""Stock was moved without saying which lot.

Opens when the balance of an item's unrecorded lot becomes other than 0, ends when it is 0 again:
by an adjustment with reason `lot_identified`, or a complete count. Matters because expiry, holds
and recalls can't be told for what has no lot.
"""

from typing import Final

from projections.discrepancies.card_runs import ended_runs, open_runs
from projections.discrepancies.kind import Kind

IS_LEFT: Final = "({0} <> 0)"
UNRECORDED: Final = "card.lot = ''"

UNRECORDED_LOT: Final = Kind(
    "unrecorded_lot",
    found=open_runs(IS_LEFT, of_cards=UNRECORDED),
    ended=ended_runs(IS_LEFT, of=f"SELECT facility_no, item_no, lot FROM card WHERE {UNRECORDED}"),
    sentence="{balance} stand in the book without a lot. Say which lot it was by an adjustment, "
    "or count all lots of the item.",
)
