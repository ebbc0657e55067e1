"""One facility: its items, its stock-outs, its use."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import board, choice, days, live_model, rows

FACILITIES = "SELECT facility_id FROM ${model}.facility_number"

NUMBER = "(SELECT facility_no FROM ${model}.facility_number WHERE facility_id = '$facility')"

PLACE = f"""
SELECT facility_id AS "Facility", name AS "Name", place.level AS "Level",
       place.district_id AS "District", last_recorded_at AS "Last heard", silent AS "Silent",
       counted_at AS "First complete count", evaluated_on AS "Figures of",
       items_out AS "Out", items_low AS "Low", items_ok AS "Ok", items_over AS "Over"
FROM ${{model}}.facility_state AS place JOIN ${{model}}.facility_number USING (facility_no)
LEFT JOIN ${{model}}.facility_activity USING (facility_no)
LEFT JOIN ${{model}}.facility USING (facility_id)
WHERE facility_no = {NUMBER}
"""

ITEMS = f"""
SELECT item_id AS "Item", name AS "Name", status AS "Status", usable AS "Usable",
       on_hand AS "On hand", min_quantity AS "Minimum", max_quantity AS "Maximum",
       round(consumed * 86400.0 / nullif(available_seconds, 0), 1) AS "Used a day",
       expiring AS "Good for 90 days at most", out_since AS "Out since", essential AS "Essential"
FROM ${{model}}.item_state JOIN ${{model}}.item_number USING (item_no)
LEFT JOIN ${{model}}.item USING (item_id)
WHERE facility_no = {NUMBER} ORDER BY out_since NULLS LAST, item_id LIMIT 1000
"""

STOCK_OUTS = f"""
SELECT began_at AS "From", ended_at AS "To", item_id AS "Item", name AS "Name",
       extract(epoch FROM coalesce(ended_at, now()) - began_at) / 86400 AS "Days"
FROM ${{model}}.stock_out JOIN ${{model}}.item_number USING (item_no)
LEFT JOIN ${{model}}.item USING (item_id)
WHERE facility_no = {NUMBER} AND began_at <= $__timeTo()::timestamptz
  AND coalesce(ended_at, 'infinity') >= $__timeFrom()::timestamptz
ORDER BY began_at DESC LIMIT 200
"""

PATIENTS = f"""
SELECT day::timestamp AT TIME ZONE 'Asia/Kolkata' AS time, served AS "served",
       served_in_part AS "served in part", sent_away AS "sent away"
FROM ${{model}}.patient_day
WHERE facility_no = {NUMBER} AND day BETWEEN $__timeFrom()::date AND $__timeTo()::date
ORDER BY day
"""

USED = f"""
SELECT day::timestamp AT TIME ZONE 'Asia/Kolkata' AS time, sum(dispensed) AS "to patients",
       sum(issued) AS "issued and sent", sum(unmet) AS "prescribed and not there"
FROM ${{model}}.consumption_day
WHERE facility_no = {NUMBER} AND day BETWEEN $__timeFrom()::date AND $__timeTo()::date
GROUP BY day ORDER BY day
"""


def dashboard() -> Dashboard:
    return (
        board("dawalog-facility", "Dawalog: facility", "Its items, stock-outs and use")
        .time("now-90d", "now")
        .with_variable(live_model())
        .with_variable(choice("facility", "Facility", FACILITIES))
        .with_panel(rows("Facility", PLACE).height(4))
        .with_panel(rows("Items, what is out first", ITEMS))
        .with_panel(rows("Stock-outs", STOCK_OUTS))
        .with_panel(days("Patients by day", PATIENTS))
        .with_panel(days("Used by day, all items, in base units", USED))
    )
