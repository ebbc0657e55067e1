"""A count found much more or less of an item than the book had, and nothing explains it yet.

What was counted and what the book had are sums over the item's lots, so that a lot taken for
another is no variance. A late fact changes the book before the count, and so explains it.
"""

from typing import Final

from alerts.rule import Parameter, Rule

VARIANCE_UNEXPLAINED: Final = Rule(
    id="variance_unexplained",
    title="A count differs much from the book, unexplained",
    family="compliance",
    about="item",
    severity="warning",
    who_acts="block",
    what_to_do="Look for what was not entered, or entered twice, before the count; else find out"
    " where it went, and post that with the day on which it happened. Then count again.",
    ends="Late facts explain it, the count is reversed, or a later count agrees with the book.",
    opens_in_silence=True,
    on_change=False,
    parameters={
        "percent": Parameter(default=20, unit="%", meaning="of what the book had", most=1000),
        "least_units": Parameter(
            default=50, unit="base units", meaning="by which it differs at least", most=10**9
        ),
        "least_rupees": Parameter(
            default=500,
            unit="rupees",
            meaning="value of the difference from which on it matters; without a price it does",
            least=0,
            most=10**9,
        ),
        "days": Parameter(default=7, unit="days", meaning="since the count, to explain it"),
        "look_back_days": Parameter(default=60, unit="days", meaning="earlier counts are left"),
    },
    # Counts are few; each is looked up on the cards of its items.
    holds="""
        SELECT facility_no, item_no, 'warning' AS severity, began_at,
               jsonb_build_object('event_id', event_id, 'counted', counted, 'book', book,
                                  'variance', counted - book) AS evidence
        FROM (
            SELECT DISTINCT ON (facility_no, item_no) *,
                   min(occurred_at) FILTER (WHERE occurred_at > coalesce(agreed_at, '-infinity'))
                       OVER (PARTITION BY facility_no, item_no) AS began_at
            FROM (
                SELECT *, max(occurred_at) FILTER (WHERE NOT is_large)
                              OVER (PARTITION BY facility_no, item_no) AS agreed_at
                FROM (
                    SELECT counting.*, counted, book,
                           abs(counted - book) >= {least_units}
                           AND abs(counted - book) * 100 >= abs(book) * {percent}
                           AND coalesce(abs(counted - book) * unit_cost_paise
                                        >= {least_rupees}::bigint * 100, true) AS is_large
                    FROM (
                        SELECT DISTINCT place.*, item_no, event_id, occurred_at
                        FROM place JOIN event USING (facility_no)
                        CROSS JOIN jsonb_array_elements(body -> 'lines') AS line
                        JOIN item_number ON item_id = line ->> 'item_id'
                        WHERE type = 'stock_counted' AND reversed_at IS NULL
                          AND occurred_at >= {now} - make_interval(days => {look_back_days})
                          AND occurred_at <= {now}
                    ) AS counting
                    JOIN item_state USING (facility_no, item_no)
                    CROSS JOIN LATERAL (
                        SELECT sum(entry.quantity)::numeric AS counted,
                               sum(coalesce(before.balance, 0)) AS book,
                               bool_or(before.balance IS NOT NULL) AS was_known
                        FROM card JOIN ledger_entry AS entry USING (facility_no, item_no, lot)
                        LEFT JOIN LATERAL (
                            SELECT balance FROM ledger_entry AS earlier
                            WHERE earlier.facility_no = card.facility_no
                              AND earlier.item_no = card.item_no AND earlier.lot = card.lot
                              AND (earlier.occurred_at, earlier.event_id, earlier.line_no)
                                  < (entry.occurred_at, entry.event_id, entry.line_no)
                              AND earlier.reversed_at IS NULL
                            ORDER BY earlier.occurred_at DESC, earlier.event_id DESC,
                                     earlier.line_no DESC LIMIT 1
                        ) AS before ON true
                        WHERE card.facility_no = counting.facility_no
                          AND card.item_no = counting.item_no
                          AND entry.occurred_at = counting.occurred_at
                          AND entry.event_id = counting.event_id AND entry.is_count
                    ) AS compared
                    WHERE was_known
                ) AS judged
            ) AS sequence
            ORDER BY facility_no, item_no, occurred_at DESC, event_id DESC
        ) AS newest
        WHERE is_large AND began_at <= {now} - make_interval(days => {days})
    """,
)
