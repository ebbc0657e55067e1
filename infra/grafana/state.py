"""The state at a glance."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import board, figure, graph, live_model, rows

RATE = (
    'sum{by} (dawalog_essential_items{{status="out"}})'
    ' / sum{by} (dawalog_essential_items{{status!="unknown"}})'
)

DISTRICTS = """
SELECT coalesce(max(district.name), district_id, 'none') AS "District",
       count(*) FILTER (WHERE parent_id IS NULL) AS "Facilities",
       count(*) FILTER (WHERE heard = 2) AS "Reporting",
       count(*) FILTER (WHERE heard = 1) AS "Silent",
       count(*) FILTER (WHERE heard = 0) AS "Not started",
       sum(items_out) AS "Items out", sum(items_low) AS "Items low",
       round(sum(items_out)::numeric
             / nullif(sum(items_out + items_low + items_ok + items_over + items_unrated), 0),
             3) AS "Out, share",
       round(sum(expiring_paise) / 100) AS "Expiring in 90 days, ₹"
FROM ${model}.facility_state AS place
LEFT JOIN (
    WITH RECURSIVE member AS (
        SELECT facility_no AS root_no, facility_no FROM ${model}.facility_state
        WHERE parent_id IS NULL
        UNION
        SELECT root_no, part.facility_no
        FROM member JOIN ${model}.facility_number AS whole USING (facility_no)
        JOIN ${model}.facility_state AS part ON part.parent_id = whole.facility_id
    )
    SELECT root_no, max(CASE WHEN NOT silent THEN 2 WHEN last_recorded_at IS NOT NULL THEN 1
                             ELSE 0 END) AS heard
    FROM member JOIN ${model}.facility_state USING (facility_no)
    LEFT JOIN ${model}.facility_activity USING (facility_no)
    GROUP BY root_no
) AS tree ON root_no = place.facility_no
LEFT JOIN ${model}.district USING (district_id)
GROUP BY district_id ORDER BY 8 DESC NULLS LAST
"""

ITEMS = """
SELECT item_id AS "Item", item.name AS "Name", sum(items_out) AS "Out at",
       sum(items_low) AS "Low at",
       sum(items_out + items_low + items_ok + items_over + items_unrated + items_unknown)
           AS "Facilities that should have it"
FROM ${model}.item_tally JOIN ${model}.item_number USING (item_no)
LEFT JOIN ${model}.item USING (item_id)
WHERE scope = 'level' GROUP BY item_id, item.name ORDER BY 3 DESC, 4 DESC, 1 LIMIT 50
"""


def dashboard() -> Dashboard:
    return (
        board("dawalog-state", "Dawalog: state", "Stock, reporting and patients of all districts")
        .with_variable(live_model())
        .with_panel(figure("Reporting", 'sum(dawalog_facilities{reporting="reporting"})'))
        .with_panel(
            figure(
                "Silent",
                'sum(dawalog_facilities{reporting="not_reporting"})',
                about="Nothing for two whole open days",
            )
        )
        .with_panel(figure("Not started", 'sum(dawalog_facilities{reporting="not_started"})'))
        .with_panel(
            figure(
                "Essential items out",
                RATE.format(by=""),
                unit="percentunit",
                about="Of the essential items at counted facilities that report",
            )
        )
        .with_panel(figure("Patients today", "sum(dawalog_patients_today)"))
        .with_panel(
            figure("Expiring in 90 days", "sum(dawalog_expiring_value_rupees)", unit="currencyINR")
        )
        .with_panel(
            graph(
                "Essential items out, worst districts",
                (f"topk(10, {RATE.format(by=' by (district)')})", "{{district}}"),
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Essential items by status",
                ("sum by (status) (dawalog_essential_items)", "{{status}}"),
            )
        )
        .with_panel(
            graph(
                "Items out at most facilities",
                ('topk(10, dawalog_item_facilities{status="out"})', "{{item_id}}"),
            )
        )
        .with_panel(
            graph(
                "Silent facilities, worst districts",
                (
                    'topk(10, sum by (district) (dawalog_facilities{reporting="not_reporting"}))',
                    "{{district}}",
                ),
            )
        )
        .with_panel(
            graph("Patients today", ("sum by (outcome) (dawalog_patients_today)", "{{outcome}}"))
        )
        .with_panel(
            graph(
                "Essential items out by level",
                (RATE.format(by=" by (level)"), "{{level}}"),
                unit="percentunit",
            )
        )
        .with_panel(graph("Open alerts", ("sum by (rule) (dawalog_alerts)", "{{rule}}")))
        .with_panel(
            graph(
                "Critical alerts, by district",
                (
                    'topk(10, sum by (district) (dawalog_alerts{severity="critical"}))',
                    "{{district}}",
                ),
            )
        )
        .with_panel(rows("Districts", DISTRICTS, width=12))
        .with_panel(rows("Items", ITEMS, width=12))
    )
