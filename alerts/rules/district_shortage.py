"""An item is out at many of a district's facilities: then it is not one pharmacy's fault."""

from datetime import timedelta
from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.importance import severity

DISTRICT_SHORTAGE: Final = Rule(
    id="district_shortage",
    title="An item is out over a district",
    family="shortage",
    about="district_item",
    severity="critical",
    who_acts="district",
    what_to_do="Supply the district: the warehouse first, then other districts' surplus.",
    ends="It is out at fewer facilities than that.",
    parameters={
        "percent": Parameter(
            default=30,
            unit="%",
            meaning="share of the facilities that report at which it is out",
            most=100,
        ),
        "facilities": Parameter(
            default=3,
            unit="facilities",
            meaning="at which it must be out at least",
            most=10_000,
        ),
    },
    keep_for=timedelta(hours=1),
    told_alone=True,
    holds=f"""
        SELECT district_id, item_no, NULL::timestamptz AS began_at,
               {severity(vital="critical", others="critical")} AS severity,
               jsonb_build_object('out', items_out, 'reporting', facilities - items_unknown,
                                  'silent', items_unknown, 'ved', ved) AS evidence
        FROM tallied JOIN importance USING (item_no)
        WHERE items_out >= {{facilities}}
          AND items_out * 100 >= (facilities - items_unknown) * {{percent}}
    """,
)
