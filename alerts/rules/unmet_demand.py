"""Patients leave without an item that is short."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.importance import severity

UNMET_DEMAND: Final = Rule(
    id="unmet_demand",
    title="Patients go without an item that is short",
    family="shortage",
    about="item",
    by_transfer=True,
    severity="critical",
    who_acts="block",
    what_to_do="See that the facility gets it first: here its absence is felt.",
    ends="It is at its minimum again, or nobody was turned away for it of late.",
    parameters={
        "days": Parameter(default=7, unit="days", meaning="the last days that count, today too"),
        "least": Parameter(
            default=5,
            unit="prescription lines",
            meaning="lines that were not dispensed in full from which on it is an alert",
        ),
    },
    holds=f"""
        SELECT facility_no, item_no, india_midnight(first_day) AS began_at,
               {severity(vital="critical", others="warning")} AS severity,
               jsonb_build_object('unserved', unserved, 'unmet', unmet, 'usable', usable,
                                  'ved', ved) AS evidence
        FROM (
            SELECT facility_no, item_no, sum(unserved) AS unserved, sum(unmet) AS unmet,
                   min(day) AS first_day
            FROM place JOIN consumption_day USING (facility_no)
            WHERE unserved > 0 AND day > india_day({{now}}) - {{days}}
            GROUP BY facility_no, item_no, {{least}} HAVING sum(unserved) >= {{least}}
        ) AS demand JOIN stocked USING (facility_no, item_no) JOIN importance USING (item_no)
        WHERE status IN ('out', 'low')
    """,
)
