"""One district: what is out where, who reports."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import board, choice, days, figure, graph, live_model, rows

DISTRICTS = """
SELECT DISTINCT district_id FROM ${model}.facility_state WHERE district_id IS NOT NULL
"""

OF = 'district="$district"'
RATE = (
    f'sum{{by}} (dawalog_essential_items{{{{{OF}, status="out"}}}})'
    f' / sum{{by}} (dawalog_essential_items{{{{{OF}, status!="unknown"}}}})'
)

SHORTAGES = """
SELECT out_since AS "Out since", item_id AS "Item", item.name AS "Name", facility_id AS "Facility",
       facility.name AS "Facility's name", place.level AS "Level", place.silent AS "Silent"
FROM ${model}.item_state AS state
JOIN ${model}.facility_state AS place USING (facility_no)
JOIN ${model}.facility_number USING (facility_no) JOIN ${model}.item_number USING (item_no)
LEFT JOIN ${model}.facility USING (facility_id) LEFT JOIN ${model}.item USING (item_id)
WHERE place.district_id = '$district' AND out_since IS NOT NULL AND tallied_as IS NOT NULL
ORDER BY out_since LIMIT 200
"""

ALERTS = """
SELECT severity AS "Severity", rule AS "Rule", facility_id AS "Facility", facility.name AS "Name",
       item_id AS "Item", began_at AS "Since", acknowledged_at AS "Acknowledged"
FROM ${model}.alert
LEFT JOIN ${model}.facility_number USING (facility_no)
LEFT JOIN ${model}.facility_state AS place USING (facility_no)
LEFT JOIN ${model}.item_number USING (item_no)
LEFT JOIN ${model}.facility USING (facility_id)
WHERE closed_at IS NULL AND (alert.district_id = '$district' OR place.district_id = '$district')
ORDER BY severity, began_at LIMIT 500
"""

FACILITIES = """
SELECT facility_id AS "Facility", name AS "Name", place.level AS "Level",
       last_recorded_at AS "Last heard", silent AS "Silent", counted_at AS "First complete count",
       items_out AS "Out", items_low AS "Low", items_ok AS "Ok", items_over AS "Over"
FROM ${model}.facility_state AS place JOIN ${model}.facility_number USING (facility_no)
LEFT JOIN ${model}.facility_activity USING (facility_no)
LEFT JOIN ${model}.facility USING (facility_id)
WHERE place.district_id = '$district'
ORDER BY last_recorded_at NULLS FIRST LIMIT 1000
"""

PATIENTS = """
SELECT day::timestamp AT TIME ZONE 'Asia/Kolkata' AS time, sum(served) AS "served",
       sum(served_in_part) AS "served in part", sum(sent_away) AS "sent away"
FROM ${model}.patient_day JOIN ${model}.facility_state USING (facility_no)
WHERE district_id = '$district' AND day BETWEEN $__timeFrom()::date AND $__timeTo()::date
GROUP BY day ORDER BY day
"""


def dashboard() -> Dashboard:
    return (
        board("dawalog-district", "Dawalog: district", "What is out where, and who reports")
        .time("now-30d", "now")
        .with_variable(live_model())
        .with_variable(choice("district", "District", DISTRICTS))
        .with_panel(figure("Reporting", f'sum(dawalog_facilities{{{OF}, reporting="reporting"}})'))
        .with_panel(figure("Silent", f'sum(dawalog_facilities{{{OF}, reporting="not_reporting"}})'))
        .with_panel(
            figure("Not started", f'sum(dawalog_facilities{{{OF}, reporting="not_started"}})')
        )
        .with_panel(figure("Essential items out", RATE.format(by=""), unit="percentunit"))
        .with_panel(figure("Patients today", f"sum(dawalog_patients_today{{{OF}}})"))
        .with_panel(
            figure(
                "Expiring in 90 days",
                f"sum(dawalog_expiring_value_rupees{{{OF}}})",
                unit="currencyINR",
            )
        )
        .with_panel(
            graph(
                "Essential items out by level",
                (RATE.format(by=" by (level)"), "{{level}}"),
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Essential items by status",
                (f"sum by (status) (dawalog_essential_items{{{OF}}})", "{{status}}"),
            )
        )
        .with_panel(rows("Open alerts, critical first", ALERTS))
        .with_panel(rows("Out now, longest first", SHORTAGES))
        .with_panel(rows("Facilities, longest silent first", FACILITIES))
        .with_panel(days("Patients by day", PATIENTS))
    )
