"""An item is prescribed much more than usual over a district (`alerts.rules.ears`)."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.ears import OPD_DAYS, PRESCRIBED, parameters, surges
from alerts.rules.importance import severity

SURGE_OF_ITEM: Final = Rule(
    id="surge_of_item",
    title="An item is prescribed much more than usual over a district",
    family="shortage",
    about="district_item",
    severity="warning",
    who_acts="district",
    what_to_do="Ask the facilities that prescribe the most of it what for; send stock ahead of"
    " need.",
    ends="Three days without such a day.",
    on_change=False,
    parameters=parameters(least=30, floor=5),
    holds=f"""
        WITH {OPD_DAYS}, {PRESCRIBED}
        SELECT district_id, item_no, NULL::timestamptz AS began_at,
               {severity(vital="warning", others="info")} AS severity, evidence
        FROM ({
        surges("(SELECT district_id, item_no AS key, day, prescriptions FROM prescribed)")
    }) AS surging JOIN importance ON item_no = key
    """,
)
