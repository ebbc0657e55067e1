"""A lot that is recalled is still on hand."""

from typing import Final

from alerts.rule import Rule

# Recalls in force, by the newest version of each that counts today, with the day on which they
# began; a lot's own spans (`recalled_spans`) would be dear to ask for at each facility.
RECALLS: Final = """(
    SELECT item_no, spelling(lot) AS spelt, manufacturer, recalled_at
    FROM (
        SELECT DISTINCT ON (recall_id) * FROM recall_record
        WHERE valid_from < india_midnight(india_day({now}) + 1)
        ORDER BY recall_id, valid_from DESC, log_offset DESC
    ) AS newest JOIN item_number USING (item_id)
    CROSS JOIN LATERAL (
        SELECT india_midnight(india_day(min(valid_from))) AS recalled_at
        FROM recall_record AS version
        WHERE version.recall_id = newest.recall_id AND NOT version.lifted
          AND (version.item_id, version.lot) = (newest.item_id, newest.lot)
          AND NOT EXISTS (
              SELECT FROM recall_record AS later
              WHERE later.recall_id = version.recall_id AND later.lifted
                AND (later.valid_from, later.log_offset) > (version.valid_from, version.log_offset)
                AND later.valid_from <= newest.valid_from)
    ) AS begun
    WHERE NOT lifted
)"""

IS_RECALLED: Final = """
    lot <> '' AND spelling(lot) = spelt AND (
        manufacturer IS NULL OR may_be_made_by(manufacturer, facility_no, item_no, lot))
"""

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
    told_alone=True,
    holds=f"""
        SELECT facility_no, item_no, lot, recalled_at AS began_at,
               'critical' AS severity,
               jsonb_build_object('on_hand', card.on_hand, 'expiry', expiry) AS evidence
        FROM {RECALLS} AS recall JOIN stocked USING (item_no)
        JOIN card USING (facility_no, item_no)
        WHERE card.on_hand > 0 AND {IS_RECALLED}
    """,
)
