"""A quantity so far from the usual that packs and tablets were probably confused.

The usual quantity of a line is

1. what was prescribed, where the line says so; else
2. the median of the lines of that item in events of that type at the facility, in the month of the
   event and the month before (`FEWEST_LINES` others at least, facility's calendar); else
3. for a dispense: one pack, where the catalogue knows the pack size.

A line is unusual if it is at least `factor` times the usual, factor being the item's pack size but
no less than `SMALLEST_FACTOR`; a receipt also if it is at most the usual divided by the factor.

Opens with the event. Ends when it is reversed or corrected (then it never was), or the card was
counted since. Matters because it is the commonest slip, and the largest.
"""

from typing import Final

from projections.discrepancies.kind import Kind
from projections.discrepancies.settling import settled_by_counts

SMALLEST_FACTOR: Final = 10
FEWEST_LINES: Final = 5
"""Fewer other lines tell nothing of what is usual."""
TYPES: Final = "('medicine_dispensed', 'stock_issued', 'stock_received', 'medicine_returned')"
"""Types whose quantities are much alike; transfers, counts and adjustments are of any size."""


def history(since: str, until: str) -> str:
    """The lines that tell what is usual in months from the one of `since` to the one of `until`."""
    return f"""
    SELECT event.facility_no, place.facility_id, event.event_id, event.type, event.occurred_at,
           line_no::integer, line ->> 'item_id' AS item_id, line ->> 'lot' AS lot,
           (line ->> 'quantity')::bigint AS quantity, (line ->> 'prescribed')::bigint AS prescribed,
           {_month("event.occurred_at")} AS month
    FROM place JOIN event ON event.facility_no = place.facility_no
     AND event.occurred_at BETWEEN
         (({_month(since)} - interval '1 month') AT TIME ZONE place.zone)
         AND (({_month(until)} + interval '1 month') AT TIME ZONE place.zone)
    CROSS JOIN LATERAL jsonb_array_elements(event.body -> 'lines')
        WITH ORDINALITY AS lines (line, line_no)
    WHERE event.type IN {TYPES} AND event.reversed_at IS NULL AND (line ->> 'quantity')::bigint > 0
    """


def _month(instant: str) -> str:
    return f"date_trunc('month', {instant} AT TIME ZONE place.zone)"


UNUSUAL: Final = f"""
    SELECT * FROM (
        SELECT line.*, greatest(pack, {SMALLEST_FACTOR})::numeric AS factor,
               coalesce(nullif(line.prescribed, 0),
                        CASE WHEN told.lines > {FEWEST_LINES} THEN told.median END,
                        CASE WHEN line.type = 'medicine_dispensed' THEN pack END) AS usual
        FROM line JOIN (
            SELECT facility_no, item_id, type, counted.month, count(*) AS lines,
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) AS median
            FROM line
            CROSS JOIN LATERAL (VALUES (month), (month + interval '1 month')) AS counted (month)
            GROUP BY facility_no, item_id, type, counted.month
        ) AS told USING (facility_no, item_id, type, month)
        LEFT JOIN (
            SELECT item_id, nullif((body ->> 'pack_size')::bigint, 1) AS pack FROM item
        ) AS packed USING (item_id)
    ) AS rated
    WHERE quantity >= factor * usual OR type = 'stock_received' AND quantity * factor <= usual
"""
"""Those of the CTE `line`, with the columns of `history`, that are unusual; `usual`, `factor`."""

UNUSUAL_QUANTITY: Final = Kind(
    "unusual_quantity",
    found=f"""
    SELECT * FROM (
        WITH line AS MATERIALIZED ({history("$3", "now()")}), unusual AS ({UNUSUAL})
        SELECT unusual.facility_id, unusual.item_id, coalesce(unusual.lot, '') AS lot,
               unusual.line_no, unusual.occurred_at, ARRAY[unusual.event_id::text],
               settled.at, settled.by,
               jsonb_build_object('quantity', quantity, 'usual', usual, 'factor', factor)
        FROM unusual {settled_by_counts("unusual", item_ids="ARRAY[unusual.item_id]")}
        WHERE unusual.occurred_at >= $3
    ) AS unusual
    """,
    sentence="{quantity} is far from the usual {usual}. Were packs typed for tablets, or tablets "
    "for packs? If so, post it again with the right quantity and `corrects`.",
    looks_back=True,
)
