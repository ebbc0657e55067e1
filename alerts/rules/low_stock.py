"""Less than the norm's minimum is usable of an essential item."""

from datetime import timedelta
from typing import Final

from alerts.rule import Rule
from alerts.rules.importance import severity

LOW_STOCK: Final = Rule(
    id="low_stock",
    title="An essential item is below its minimum",
    family="shortage",
    about="item",
    by_transfer=True,
    severity="warning",
    who_acts="in_charge",
    what_to_do="Indent for it now: what is there lasts for less than lead time and safety stock.",
    ends="Its usable stock is at the minimum again, or nothing of it is left (out_of_stock).",
    keep_for=timedelta(hours=1),
    holds=f"""
        SELECT facility_no, item_no, NULL::timestamptz AS began_at,
               {severity(vital="warning", others="info")} AS severity,
               told AS evidence
        FROM stocked JOIN importance USING (item_no)
        CROSS JOIN LATERAL (SELECT usable, min_quantity AS minimum, ved) AS told
        WHERE essential AND status = 'low'
    """,
)
