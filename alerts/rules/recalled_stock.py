"""A lot that is recalled is still on hand."""

from typing import Final

from alerts.rule import Rule

RECALLED_ITEMS: Final = """(
    SELECT DISTINCT item_no FROM recall_record JOIN item_number USING (item_id)
)"""

# The span of days in which a lot of `card` is recalled, if today is one of them.
RECALLED_NOW: Final = """(
    SELECT lower(span) AS recalled_at
    FROM unnest(recalled_spans(card.facility_no, card.item_no, card.lot, evaluated_on)) AS span
    WHERE span @> india_midnight(evaluated_on)
)"""

RECALLED_STOCK: Final = Rule(
    id="recalled_stock",
    title="A recalled lot is on hand",
    family="shortage",
    about="lot",
    severity="critical",
    who_acts="in_charge",
    what_to_do="Lock it away, tell the district, and post it out with the reason recalled.",
    ends="The lot's balance is 0, or the recall is lifted.",
    from_first_count=False,
    opens_in_silence=True,
    holds=f"""
        SELECT stocked.facility_no, stocked.item_no, lot, recalled_at AS began_at,
               'critical' AS severity,
               jsonb_build_object('on_hand', card.on_hand, 'expiry', expiry) AS evidence
        FROM stocked JOIN card USING (facility_no, item_no)
        CROSS JOIN LATERAL {RECALLED_NOW} AS recall
        WHERE stocked.item_no IN {RECALLED_ITEMS} AND lot <> '' AND card.on_hand > 0
    """,
)
