"""What the stock of many items at many facilities is now: the rows that live push and pull give."""

from typing import Any, Final, NamedTuple

from projections.queries.recalls import IN_FORCE, MADE_BY
from projections.queries.stock import ItemStock, item_stock

# Of the pairs (facility_no, item_no) of `wanted`: the same as `projections.queries.stock` gives of
# one facility. A pair without cards has no row: a lot was held that was never there. OFFSET 0 keeps
# each look-up by key, however many pairs the planner expects: it would read all cards in a row.
ROWS: Final = f"""
moment AS MATERIALIZED (
    SELECT now() AS as_of, 'infinity'::timestamptz AS known_at
), place AS MATERIALIZED (
    SELECT facility_no, facility_id, level, time_zone, district_id
    FROM (SELECT DISTINCT facility_no FROM wanted) AS one
    CROSS JOIN LATERAL (
        SELECT facility_id FROM facility_number
        WHERE facility_number.facility_no = one.facility_no
        OFFSET 0
    ) AS known
    LEFT JOIN LATERAL (
        SELECT level, time_zone, district_id FROM facility_record AS record
        WHERE record.facility_id = known.facility_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS record ON true
), product AS MATERIALIZED (
    SELECT item_no, item_id, name, levels, pack_size
    FROM (SELECT DISTINCT item_no FROM wanted) AS one JOIN item_number USING (item_no)
    LEFT JOIN LATERAL (
        SELECT name, body -> 'levels' AS levels, body -> 'pack_size' AS pack_size
        FROM item_record AS record
        WHERE record.item_id = item_number.item_id AND valid_from <= now()
        ORDER BY valid_from DESC, log_offset DESC LIMIT 1
    ) AS record ON true
), held AS MATERIALIZED (
    SELECT card.* FROM wanted CROSS JOIN LATERAL (
        SELECT * FROM card
        WHERE card.facility_no = wanted.facility_no AND card.item_no = wanted.item_no
        OFFSET 0
    ) AS card
), withheld AS MATERIALIZED (
    SELECT DISTINCT ON (facility_no, item_no, lot) facility_no, item_no, lot, is_hold
    FROM wanted CROSS JOIN LATERAL (
        SELECT lot, is_hold, lot_hold.occurred_at, event_id
        FROM lot_hold JOIN event USING (facility_no, event_id)
        WHERE lot_hold.facility_no = wanted.facility_no AND lot_hold.item_no = wanted.item_no
          AND reversed_at IS NULL
        OFFSET 0
    ) AS hold
    ORDER BY facility_no, item_no, lot, occurred_at DESC, event_id DESC
), recalled AS MATERIALIZED (
    SELECT DISTINCT facility_no, item_no, lot
    FROM (
        SELECT held.*, recall.lot AS recalled_lot, recall.manufacturer
        FROM ({IN_FORCE}) AS recall JOIN item_number USING (item_id) JOIN held USING (item_no)
        WHERE held.lot <> ''
        OFFSET 0 -- spellings are dear: those of the recalled items' lots alone
    ) AS candidate
    WHERE spelling(lot) = spelling(recalled_lot)
      AND (manufacturer IS NULL OR coalesce({MADE_BY}, true))
), stocked AS (
    SELECT facility_no, item_no,
           json_agg(json_build_array(lot, expiry, on_hand, coalesce(is_hold, false),
                                     recalled.lot IS NOT NULL) ORDER BY expiry, lot)
             FILTER (WHERE on_hand <> 0 OR occurred_at >= now() - interval '90 days') AS lots
    FROM held LEFT JOIN withheld USING (facility_no, item_no, lot)
    LEFT JOIN recalled USING (facility_no, item_no, lot)
    GROUP BY facility_no, item_no
), listed AS (
    SELECT json_agg(json_build_array(
        facility_id, district_id, time_zone, item_id, name, coalesce(levels ? level, false), lots,
        rating)
    ) AS rows
    FROM stocked JOIN place USING (facility_no) JOIN product USING (item_no)
    LEFT JOIN LATERAL (
        SELECT json_build_array(out_since, window_days, consumed, available_seconds, min_quantity,
                                max_quantity, pack_size) AS rating
        FROM item_state AS state
        WHERE state.facility_no = stocked.facility_no AND state.item_no = stocked.item_no
        OFFSET 0
    ) AS rated ON true
)"""


class ItemRow(NamedTuple):
    """An item's stock at a facility; `district_id` and `time_zone` are the facility's."""

    facility_id: str
    district_id: str | None
    time_zone: str | None
    stock: ItemStock

    @classmethod
    def of(
        cls, facility_id: str, district_id: str | None, time_zone: str | None, *item: Any
    ) -> "ItemRow":
        return cls(facility_id, district_id, time_zone, item_stock(*item))
