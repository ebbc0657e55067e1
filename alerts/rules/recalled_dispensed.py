"""A lot was given to patients though it was recalled."""

from typing import Final

from alerts.rule import Parameter, Rule
from alerts.rules.recalled_stock import IS_RECALLED, RECALLS

RECALLED_DISPENSED: Final = Rule(
    id="recalled_dispensed",
    title="A recalled lot was dispensed",
    family="shortage",
    about="lot",
    severity="critical",
    who_acts="district",
    what_to_do="Find out who got it (GET /v1/recalls/{recall_id}) and have it taken back.",
    ends="It wasn't dispensed of late, the recall is lifted, or the dispenses were reversed.",
    parameters={
        "days": Parameter(
            default=30, unit="days", meaning="for how long after the last one the alert stays open"
        )
    },
    from_first_count=False,
    opens_in_silence=True,
    holds=f"""
        SELECT facility_no, item_no, lot, given.first_at AS began_at,
               'critical' AS severity,
               jsonb_build_object('recalled_at', recalled_at, 'dispenses', dispenses,
                                  'quantity', quantity, 'last_event_id', last_event_id) AS evidence
        FROM {RECALLS} AS recall JOIN stocked USING (item_no)
        JOIN card USING (facility_no, item_no)
        CROSS JOIN LATERAL (
            SELECT min(entry.occurred_at) AS first_at, max(entry.occurred_at) AS last_at,
                   count(*) AS dispenses, -sum(quantity) AS quantity,
                   (array_agg(event_id ORDER BY entry.occurred_at DESC))[1] AS last_event_id
            FROM ledger_entry AS entry JOIN event USING (facility_no, event_id)
            WHERE entry.facility_no = card.facility_no AND entry.item_no = card.item_no
              AND entry.lot = card.lot AND entry.occurred_at >= recalled_at
              AND entry.reversed_at IS NULL AND quantity < 0 AND type = 'medicine_dispensed'
        ) AS given
        WHERE {IS_RECALLED} AND given.last_at > {{now}} - interval '1 day' * {{days}}
    """,
)
