"""More will expire soon than is going to be used."""

from typing import Final

from alerts.rule import Parameter, Rule
from projections.figures.rating import LEAST_AVAILABLE_DAYS, SECONDS_A_DAY
from projections.figures.states import EXPIRING_DAYS

# Lots are used first expiry first. What expires unused is the greatest, over all lots, of what
# there is up to a lot less what is used up to its expiry (`projections.stock_norm.expected_waste`).
# Lots are looked at only where all that expires would be worth it.
WILL_EXPIRE: Final = Rule(
    id="will_expire",
    title="More will expire soon than will be used",
    family="shortage",
    about="item",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Offer what you won't use to facilities that are short of it, while it is good.",
    ends="What is there will be used in time, was sent on, or has expired (expired_stock).",
    parameters={
        "days": Parameter(
            default=EXPIRING_DAYS,
            unit="days",
            meaning="of lots that are good for so long at most",
            most=EXPIRING_DAYS,
        ),
        "least_rupees": Parameter(
            default=500,
            unit="rupees",
            meaning="value of the waste from which on it is an alert; without a price it is one",
            least=0,
            most=10**9,
        ),
        "warning_rupees": Parameter(
            default=10_000,
            unit="rupees",
            meaning="value of the waste from which on it is a warning",
            least=0,
            most=10**9,
        ),
    },
    holds=f"""
        SELECT facility_no, item_no, NULL::timestamptz AS began_at,
               CASE WHEN waste * unit_cost_paise >= {{warning_rupees}}::bigint * 100
                    THEN 'warning' ELSE 'info' END AS severity,
               jsonb_build_object('expiring', expiring, 'expected_waste', waste,
                                  'first_expiry', first_expiry) AS evidence
        FROM stocked CROSS JOIN LATERAL (
            SELECT min(expiry) AS first_expiry, least(expiring, max(ceil(
                through - greatest(0, consumed)::numeric * (expiry - evaluated_on + 1)
                          * {SECONDS_A_DAY} / available_seconds))) AS waste
            FROM (
                SELECT expiry, sum(on_hand) OVER (ORDER BY expiry, lot) AS through FROM card
                WHERE card.facility_no = stocked.facility_no AND card.item_no = stocked.item_no
                  AND lot <> '' AND card.on_hand > 0 AND expiry >= evaluated_on
                  AND expiry <= evaluated_on + {{days}}
            ) AS lot
        ) AS kept
        WHERE expiring > 0 AND available_seconds >= {LEAST_AVAILABLE_DAYS * SECONDS_A_DAY}
          AND coalesce(expiring * unit_cost_paise >= {{least_rupees}}::bigint * 100, true)
          AND first_expiry IS NOT NULL AND waste > 0
          AND coalesce(waste * unit_cost_paise >= {{least_rupees}}::bigint * 100, true)
    """,
)
