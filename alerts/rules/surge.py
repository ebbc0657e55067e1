"""More patients than usual over a district (`alerts.rules.ears`)."""

from typing import Final

from alerts.rule import Rule
from alerts.rules.ears import OPD_DAYS, parameters, surges

SURGE: Final = Rule(
    id="surge",
    title="Many more patients than usual over a district",
    family="shortage",
    about="district",
    severity="warning",
    who_acts="district",
    what_to_do="Ask the facilities with the most of them what it is; send stock ahead of need.",
    ends="Three days without such a day.",
    on_change=False,
    parameters=parameters(least=30, floor=10),
    holds=f"""
        WITH {OPD_DAYS}
        SELECT district_id, NULL::timestamptz AS began_at, 'warning' AS severity, evidence
        FROM ({
        surges("(SELECT district_id, 0 AS key, day AS day, patients AS prescriptions FROM opd)")
    }) AS surging
    """,
)
