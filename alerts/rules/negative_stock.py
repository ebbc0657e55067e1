"""The book has had less than nothing of a lot for days, and nobody has put it right.

What was given without its lot is taken from the item's lots, so that alone it is wrong only where
they don't cover it.
"""

from typing import Final

from alerts.rule import Parameter, Rule

NEGATIVE_STOCK: Final = Rule(
    id="negative_stock",
    title="Negative book stock, unresolved",
    family="compliance",
    about="item",
    severity="warning",
    who_acts="in_charge",
    what_to_do="Enter the receipt that is missing, or put right what went to a wrong lot; else"
    " count all lots of the item.",
    ends="The book has nothing or more of each lot: by a receipt, a count or a reversal.",
    opens_in_silence=True,
    parameters={
        "days": Parameter(default=2, unit="days", meaning="for somebody to put it right", least=0)
    },
    # Entries with less than nothing are few and have an index: by these alone all of a partition's
    # cards needn't be read.
    holds="""
        SELECT facility_no, item_no, 'warning' AS severity, min(since) AS began_at,
               jsonb_build_object('on_hand', of_item, 'least', min(on_hand), 'lots', count(*))
                 AS evidence
        FROM (
            SELECT DISTINCT stocked.facility_no, stocked.item_no, entry.lot,
                   stocked.on_hand AS of_item, {days} AS days
            FROM stocked JOIN ledger_entry AS entry USING (facility_no, item_no)
            WHERE balance < 0 AND (entry.lot <> '' OR stocked.on_hand < 0)
        ) AS once JOIN card USING (facility_no, item_no, lot) CROSS JOIN LATERAL (
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
        WHERE card.on_hand < 0 AND since <= {now} - make_interval(days => days)
        GROUP BY facility_no, item_no, of_item
    """,
)
