"""One challan was entered twice: as a receipt, and as a transfer received.

Opens with the later of a `stock_received` and a `transfer_received` of the facility that name an
item in common, if document_no and transfer_id are the same but for signs that are no letters or
digits, and the two lie within `NEAR_DAYS`. Ends when one of the two is reversed (then it never
was), or all cards of the later one's common items have been counted since. Matters because the
goods are in the book twice; goods from a registered facility are a transfer.
"""

from typing import Final

from projections.discrepancies.kind import Kind
from projections.discrepancies.settling import settled_by_counts

NEAR_DAYS: Final = 90

_MATCHED: Final = f"""
    SELECT place.facility_id, receipt.facility_no, receipt.body ->> 'document_no' AS document_no,
           receipt.occurred_at AS receipt_at, receipt.event_id AS receipt_id,
           transfer.occurred_at AS transfer_at, transfer.event_id AS transfer_id,
           array_agg(DISTINCT item_number.item_id) AS items
    FROM place JOIN event AS receipt USING (facility_no)
    JOIN transfer_line AS arrived
      ON arrived.facility_no = receipt.facility_no AND NOT arrived.is_dispatch
     AND spelling(arrived.transfer_id) = spelling(receipt.body ->> 'document_no')
    JOIN item_number ON item_number.item_no = arrived.item_no
    JOIN event AS transfer
      ON transfer.facility_no = arrived.facility_no AND transfer.event_id = arrived.event_id
    WHERE receipt.body ? 'document_no' AND receipt.reversed_at IS NULL
      AND receipt.body @> jsonb_build_object(
          'lines', jsonb_build_array(jsonb_build_object('item_id', item_number.item_id)))
      AND transfer.reversed_at IS NULL
      AND transfer.occurred_at BETWEEN receipt.occurred_at - interval '{NEAR_DAYS} days'
                                   AND receipt.occurred_at + interval '{NEAR_DAYS} days'
    GROUP BY place.facility_id, receipt.facility_no, receipt.body ->> 'document_no',
             receipt.occurred_at, receipt.event_id, transfer.occurred_at, transfer.event_id
"""

RECEIPT_AND_TRANSFER: Final = Kind(
    "receipt_and_transfer",
    found=f"""
    SELECT matched.facility_id,
           CASE WHEN cardinality(matched.items) = 1 THEN matched.items[1] END, NULL::text,
           NULL::integer, later.occurred_at, ARRAY[
               (CASE later.event_id WHEN receipt_id THEN transfer_id ELSE receipt_id END)::text,
               later.event_id::text
           ], settled.at, settled.by,
           jsonb_build_object('document_no', matched.document_no, 'items', matched.items)
    FROM ({_MATCHED}) AS matched
    CROSS JOIN LATERAL (
        SELECT matched.facility_no, occurred_at, event_id
        FROM (VALUES (receipt_at, receipt_id), (transfer_at, transfer_id))
             AS posted (occurred_at, event_id)
        ORDER BY occurred_at DESC, event_id DESC LIMIT 1
    ) AS later
    {settled_by_counts("later", item_ids="matched.items")}
    """,
    sentence="Challan {document_no} was entered both as a receipt and as a transfer received. "
    "Reverse one of the two: what comes from a registered facility is a transfer.",
)
