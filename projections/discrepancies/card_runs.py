"""Discrepancies that last as long as a card's balance is what it shouldn't be."""

from projections.discrepancies.kind import is_card


def open_runs(is_wrong: str, *, of_cards: str = "true") -> str:
    """Cards whose balance is wrong now, each since the entry from which on it is.

    Args:
        is_wrong: a condition on a balance, written `{0}`.
        of_cards: a condition on `card`.
    """
    return f"""
    SELECT place.facility_id, item_number.item_id, card.lot, opened.line_no,
           opened.occurred_at AS opened_at, ARRAY[opened.event_id::text] AS opened_by,
           NULL::timestamptz AS closed_at, NULL::text[] AS closed_by,
           jsonb_build_object('balance', card.on_hand) AS facts
    FROM place JOIN card USING (facility_no) JOIN item_number USING (item_no)
    {_opened(is_wrong)}
    WHERE {is_wrong.format("card.on_hand")} AND {of_cards}
    """


def ended_runs(is_wrong: str, *, of: str) -> str:
    """Runs that ended at `$3` or later, each with the entry that ended it.

    Args:
        of: a SELECT of the cards (facility_no, item_no, lot) whose balance may have been wrong, as
            few as can be told cheaply: the entries of each since `$3` are walked.
    """
    return f"""
    SELECT place.facility_id, item_number.item_id, card.lot, opened.line_no,
           opened.occurred_at AS opened_at, ARRAY[opened.event_id::text] AS opened_by,
           closed.occurred_at AS closed_at, ARRAY[closed.event_id::text] AS closed_by,
           jsonb_build_object('balance', closed.balance_before) AS facts
    FROM ({of}) AS card JOIN place USING (facility_no) JOIN item_number USING (item_no)
    CROSS JOIN LATERAL (
        SELECT entry.*, coalesce(lag(entry.balance) OVER fold, (
            -- of the first entry in the period
            SELECT earlier.balance FROM ledger_entry AS earlier
            WHERE {is_card("earlier")}
              AND (earlier.occurred_at, earlier.event_id, earlier.line_no)
                  < (entry.occurred_at, entry.event_id, entry.line_no)
            ORDER BY earlier.occurred_at DESC, earlier.event_id DESC, earlier.line_no DESC LIMIT 1
        )) AS balance_before
        FROM ledger_entry AS entry WHERE {is_card("entry")} AND entry.occurred_at >= $3
        WINDOW fold AS (ORDER BY entry.occurred_at, entry.event_id, entry.line_no)
    ) AS closed
    {_opened(is_wrong, before="closed")}
    WHERE {is_wrong.format("closed.balance_before")} AND NOT {is_wrong.format("closed.balance")}
    """


def _opened(is_wrong: str, before: str | None = None) -> str:
    """The entry after the last one with a balance that isn't wrong; a reversed entry has the
    balance of the one before it, so it is never that."""
    bound = (
        f"AND (entry.occurred_at, entry.event_id, entry.line_no)"
        f" < ({before}.occurred_at, {before}.event_id, {before}.line_no)"
        if before
        else ""
    )
    return f"""
    LEFT JOIN LATERAL (
        SELECT entry.occurred_at, entry.event_id, entry.line_no FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND NOT {is_wrong.format("entry.balance")} {bound}
        ORDER BY entry.occurred_at DESC, entry.event_id DESC, entry.line_no DESC LIMIT 1
    ) AS good ON true
    CROSS JOIN LATERAL (
        SELECT entry.occurred_at, entry.event_id, entry.line_no FROM ledger_entry AS entry
        WHERE {is_card("entry")}
          AND entry.occurred_at >= coalesce(good.occurred_at, '-infinity')
          AND (good.occurred_at IS NULL
               OR (entry.occurred_at, entry.event_id, entry.line_no)
                   > (good.occurred_at, good.event_id, good.line_no))
        ORDER BY entry.occurred_at, entry.event_id, entry.line_no LIMIT 1
    ) AS opened
    """
