"""What is left of an essential item lasts for less than the next delivery takes."""

from datetime import timedelta
from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.importance import severity
from projections.figures.rating import LEAST_AVAILABLE_DAYS, SECONDS_A_DAY

RUNS_OUT_SOON: Final = Rule(
    id="runs_out_soon",
    title="An essential item will run out before the next delivery",
    family="shortage",
    about="item",
    by_transfer=True,
    severity="critical",
    who_acts="in_charge",
    what_to_do="Don't wait for the next delivery: ask for a transfer or a delivery out of turn.",
    ends="What is there lasts until a delivery again, or nothing is left (out_of_stock).",
    parameters={
        "lead_days": Parameter(
            default=7, unit="days", meaning="how long a delivery takes from the indent on"
        )
    },
    keep_for=timedelta(hours=1),
    # usable ÷ (consumed ÷ available days) < lead_days, in whole numbers
    holds=f"""
        SELECT facility_no, item_no, NULL::timestamptz AS began_at,
               {severity(vital="critical", others="warning")} AS severity,
               jsonb_build_object(
                   'usable', usable, 'ved', ved, 'lead_days', {{lead_days}}, 'days_of_stock', round(
                       usable::numeric * available_seconds / (consumed * {SECONDS_A_DAY}), 1)
               ) AS evidence
        FROM stocked JOIN importance USING (item_no)
        WHERE essential AND usable > 0 AND consumed > 0
          AND available_seconds >= {LEAST_AVAILABLE_DAYS * SECONDS_A_DAY}
          AND usable::float8 * available_seconds
              < {{lead_days}}::float8 * consumed * {SECONDS_A_DAY}
    """,
)
