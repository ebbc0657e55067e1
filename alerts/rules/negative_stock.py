"""The book has had less than nothing of an item for days, and nobody has put it right."""

from typing import Final

from alerts.rule import Parameter, Rule

NEGATIVE_STOCK: Final = Rule(
    id="negative_stock",
    title="Negative book stock, unresolved",
    family="compliance",
    about="item",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Enter the receipt that is missing; if there is none, count the item.",
    ends="The book has nothing or more of it: by a receipt, a count or a reversal.",
    opens_in_silence=True,
    parameters={
        "days": Parameter(default=2, unit="days", meaning="for somebody to put it right", least=0)
    },
    holds="""
        SELECT stocked.facility_no, stocked.item_no, 'warning' AS severity, since AS began_at,
               jsonb_build_object('on_hand', on_hand) AS evidence
        FROM stocked CROSS JOIN LATERAL (
            SELECT min(turn.since) AS since FROM card CROSS JOIN LATERAL (
                SELECT min(occurred_at) AS since FROM ledger_entry AS entry
                WHERE (entry.facility_no, entry.item_no, entry.lot)
                      = (card.facility_no, card.item_no, card.lot) AND reversed_at IS NULL
                  AND (occurred_at, event_id, line_no) > coalesce((
                      SELECT ROW(occurred_at, event_id, line_no) FROM ledger_entry AS enough
                      WHERE (enough.facility_no, enough.item_no, enough.lot)
                            = (card.facility_no, card.item_no, card.lot)
                        AND reversed_at IS NULL AND balance >= 0
                      ORDER BY occurred_at DESC, event_id DESC, line_no DESC LIMIT 1),
                      ROW('-infinity'::timestamptz, '00000000-0000-0000-0000-000000000000'::uuid,
                          0::smallint))
            ) AS turn
            WHERE card.facility_no = stocked.facility_no AND card.item_no = stocked.item_no
              AND card.on_hand < 0
        ) AS negative
        WHERE stocked.on_hand < 0 AND since <= {now} - make_interval(days => {days})
    """,
)
