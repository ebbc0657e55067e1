"""Nothing of an essential item can be given."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.importance import severity

OUT_OF_STOCK: Final = Rule(
    id="out_of_stock",
    title="An essential item is out of stock",
    family="shortage",
    about="item",
    by_transfer=True,
    severity="critical",
    who_acts="in_charge",
    what_to_do="Ask for the rescue transfer; until it comes, buy locally or send patients on.",
    ends="Something of it is usable again, or it is no longer on the level's essential list.",
    holds=f"""
        SELECT facility_no, item_no, out_since AS began_at,
               {severity(vital="critical", others="warning")} AS severity,
               told AS evidence
        FROM stocked JOIN importance USING (item_no)
        CROSS JOIN LATERAL (SELECT on_hand, usable, ved) AS told
        WHERE essential AND status = 'out'
    """,
)
