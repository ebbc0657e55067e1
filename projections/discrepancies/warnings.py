"""Warnings about an event that isn't posted yet: one SELECT of (line_no, facts) a type.

They read the CTEs of `checking`: `posted`, the event; `asked`, its lines, with `quantity` signed as
on the card, `moved`, its sum so far on the card, and the earliest expiry known of the lot; `line`,
the history that tells what is usual. Without a line_no is what is of the event as a whole.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from projections.discrepancies.expired_dispensed import expired_from
from projections.discrepancies.held_dispensed import HOLDS
from projections.discrepancies.kind import is_card
from projections.discrepancies.possible_duplicate import NEAR_DAYS, same_again
from projections.discrepancies.recalled_dispensed import IS_RECALLED, RECALLS
from projections.discrepancies.unknown_item import IS_REGISTERED
from projections.discrepancies.unusual_quantity import UNUSUAL

WarningType = Literal[
    "lot_expired",
    "lot_held",
    "lot_recalled",
    "more_than_on_hand",
    "unusual_quantity",
    "possible_duplicate",
    "unknown_item",
    "more_than_prescribed",
    "unknown_facility",
    "event_id_taken",
]

LEAVING: Final = "('medicine_dispensed', 'stock_issued', 'transfer_dispatched')"
"""Types by which a lot leaves to be used."""
ON_ITS_WAY: Final = (
    "('medicine_dispensed', 'stock_issued', 'transfer_dispatched', 'stock_received',"
    " 'transfer_received')"
)
"""Those, and the types by which it comes in."""

_BOOK: Final = f"""
    SELECT coalesce(sum(last.balance - coalesce(undone.quantity, 0)), 0)::bigint AS on_hand
    FROM card
    CROSS JOIN LATERAL (
        SELECT balance FROM ledger_entry AS entry
        WHERE {is_card("entry")} AND entry.occurred_at <= asked.occurred_at
        ORDER BY occurred_at DESC, event_id DESC, line_no DESC LIMIT 1
    ) AS last
    LEFT JOIN LATERAL (
        SELECT sum(entry.quantity) AS quantity
        FROM event JOIN ledger_entry AS entry ON {is_card("entry")}
         AND entry.occurred_at = event.occurred_at AND entry.event_id = event.event_id
        WHERE event.facility_no = card.facility_no AND event.event_id = ANY (asked.own)
          AND event.reversed_at IS NULL AND event.occurred_at <= asked.occurred_at
          AND NOT entry.is_count
    ) AS undone ON true
    WHERE card.facility_no = asked.facility_no AND card.item_no = asked.item_no
      AND (asked.lot = '' OR card.lot = asked.lot)
"""
"""What the book has of the lot, or of all lots where none is named, when the event happens."""

WARNINGS: Final[Mapping[WarningType, str]] = {
    "lot_expired": f"""
    SELECT line_no, jsonb_build_object('lot', lot, 'expiry', expiry) FROM asked
    WHERE lot <> '' AND type IN {ON_ITS_WAY} AND occurred_at >= {expired_from("expiry", "zone")}
    """,
    "lot_held": f"""
    SELECT line_no, jsonb_build_object('lot', asked.lot)
    FROM asked JOIN ({HOLDS}) AS hold ON {is_card("hold", "asked")}
    WHERE type IN {LEAVING} AND occurred_at >= held_from
      AND (held_until IS NULL OR occurred_at < held_until)
    """,
    "lot_recalled": f"""
    SELECT line_no, jsonb_build_object('lot', card.lot, 'recall_id', recall_id)
    FROM asked AS card JOIN ({RECALLS}) AS recall USING (item_id)
    WHERE type IN {ON_ITS_WAY} AND {IS_RECALLED} AND occurred_at >= recalled_from
      AND (recalled_until IS NULL OR occurred_at < recalled_until)
    """,
    "more_than_on_hand": f"""
    SELECT line_no, jsonb_build_object('quantity', -moved, 'on_hand', on_hand)
    FROM asked CROSS JOIN LATERAL ({_BOOK}) AS book
    WHERE quantity < 0 AND NOT is_count AND -moved > on_hand
    """,
    "unusual_quantity": f"""
    SELECT line_no, jsonb_build_object('quantity', quantity, 'usual', usual)
    FROM ({UNUSUAL}) AS unusual WHERE event_id IS NULL
    """,
    "possible_duplicate": " UNION ALL ".join(
        f"""(
    SELECT DISTINCT ON (mine.item_id) mine.line_no, jsonb_build_object('event_id', other.event_id)
    FROM posted {same_again(key, event="posted")}
    WHERE other.event_id <> ALL (posted.own)
    ORDER BY mine.item_id, other.occurred_at DESC, other.event_id DESC
    )"""
        for key in NEAR_DAYS
    ),
    "unknown_item": f"""
    SELECT line_no, jsonb_build_object('item_id', item_id) FROM asked
    WHERE NOT {IS_REGISTERED.format(item_id="asked.item_id")}
    """,
    "more_than_prescribed": """
    SELECT line_no, jsonb_build_object('quantity', -quantity, 'prescribed', prescribed) FROM asked
    WHERE -quantity > prescribed
    """,
    "unknown_facility": """
    SELECT NULL::integer, jsonb_build_object('facility_id', other.id) FROM posted
    CROSS JOIN LATERAL (VALUES
        (posted.body ->> 'to_facility_id'), (posted.body ->> 'from_facility_id')) AS other (id)
    WHERE NOT EXISTS (SELECT FROM facility_record WHERE facility_id = other.id)
      AND other.id IS NOT NULL
    """,
    "event_id_taken": """
    SELECT NULL::integer, jsonb_build_object('type', event.type)
    FROM posted JOIN event ON event.facility_no = posted.facility_no
     AND event.event_id = (posted.body ->> 'event_id')::uuid
    WHERE event.content_sha256 <> posted.content_sha256
    """,
}

SENTENCES: Final[Mapping[str, str]] = {
    "lot_expired": "Lot {lot} expired on {expiry}.",
    "lot_held": "Lot {lot} is on hold here: do not give it.",
    "lot_recalled": "Lot {lot} is under recall {recall_id}: do not give it.",
    "more_than_on_hand": "The book has {on_hand}, this takes {quantity}. Is a receipt missing?",
    "unusual_quantity": "{quantity} is far from the usual {usual}. Packs or tablets?",
    "possible_duplicate": "Event {event_id} has the same document or prescription, item and "
    "quantity. Is this the same one?",
    "unknown_item": "The catalogue doesn't have the item {item_id}.",
    "more_than_prescribed": "{quantity} are given, {prescribed} were prescribed. Is that right?",
    "unknown_facility": "No facility {facility_id} is registered. Is the id right?",
    "event_id_taken": "A {type} with this event_id and other content is recorded: that one stands, "
    "and this one would not count. If it did happen, give it an event_id of its own.",
}

assert set(SENTENCES) == set(WARNINGS) == set(get_args(WarningType))
