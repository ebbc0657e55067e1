"""What others have sent to a facility and it hasn't received: on its way, in nobody's on hand."""

from typing import Final

# CTEs that end in `in_transit` (item_id, quantity). `facilities`: a condition on to_facility_id; it
# may name no parameter, or each value gets a plan of its own. As `projections.transfers` has it, a
# receipt of some of a transfer ends it. One line stands for its event, whose lines are all of one
# transfer: little is looked at of what came long ago.
IN_TRANSIT: Final = """
end_of_transfer AS MATERIALIZED (
    SELECT facility_no, event_id, from_facility_id, to_facility_id, transfer_id, is_dispatch
    FROM transfer_line AS line CROSS JOIN LATERAL (
        SELECT FROM event
        WHERE event.facility_no = line.facility_no AND event.event_id = line.event_id
          AND reversed_at IS NULL
        OFFSET 0
    ) AS stands
    WHERE to_facility_id {facilities} AND line_no = 1
), in_transit AS MATERIALIZED (
    SELECT item_id, sum(quantity)::bigint AS quantity
    FROM end_of_transfer AS sent
    CROSS JOIN LATERAL (
        SELECT item_no, quantity FROM transfer_line AS line
        WHERE line.facility_no = sent.facility_no AND line.event_id = sent.event_id
        OFFSET 0
    ) AS line
    JOIN item_number USING (item_no)
    WHERE is_dispatch AND NOT EXISTS (
        SELECT FROM end_of_transfer AS received
        WHERE NOT received.is_dispatch
          AND received.from_facility_id = sent.from_facility_id
          AND received.to_facility_id = sent.to_facility_id
          AND received.transfer_id = sent.transfer_id)
    GROUP BY item_id
)"""
