"""The book says that less than nothing is there.

Opens with the entry that makes a card's balance negative, ends with the one that makes it 0 or
more: a receipt that was typed late, or a count. Matters because the medicine was given, so either
a receipt is missing, or a line went to the wrong lot; until then nobody knows what is there.
"""

from typing import Final

from projections.discrepancies.card_runs import ended_runs, open_runs
from projections.discrepancies.kind import Kind

IS_NEGATIVE: Final = "({0} < 0)"
_ONCE_NEGATIVE: Final = f"""
    SELECT DISTINCT facility_no, item_no, lot FROM place JOIN ledger_entry USING (facility_no)
    WHERE {IS_NEGATIVE.format("balance")}  -- an index holds these alone
"""

NEGATIVE_STOCK: Final = Kind(
    "negative_stock",
    found=open_runs(IS_NEGATIVE),
    ended=ended_runs(IS_NEGATIVE, of=_ONCE_NEGATIVE),
    sentence="More was given than the book has: the balance is {balance}. Enter the receipt that "
    "is missing, or count the lot.",
)
