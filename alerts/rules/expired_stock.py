"""A lot that has expired is still on the shelf, by the book."""

from typing import Final

from alerts.rule import Rule

EXPIRED_STOCK: Final = Rule(
    id="expired_stock",
    title="An expired lot is still on the shelf",
    family="shortage",
    about="lot",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Take it off the shelf and post an adjustment with the reason expired.",
    ends="The lot's balance is 0.",
    # What has expired is on hand and not usable: only such items are looked at by lot.
    holds="""
        SELECT stocked.facility_no, stocked.item_no, lot, india_midnight(expiry + 1) AS began_at,
               'warning' AS severity,
               jsonb_build_object('on_hand', card.on_hand, 'expiry', expiry) AS evidence
        FROM stocked JOIN card USING (facility_no, item_no)
        WHERE stocked.on_hand > usable AND lot <> '' AND card.on_hand > 0 AND expiry < evaluated_on
    """,
)
