"""The service's health, for operators."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import board, figure, graph

REQUESTS = "dawalog_http_request_seconds"

LATENCY = (
    "histogram_quantile(0.99, sum by (le, route_class)"
    f' (rate({REQUESTS}_bucket{{route_class!="live"}}[$__rate_interval])))'
)
APPENDING = (
    "histogram_quantile(0.99, sum by (le)"
    " (rate(dawalog_append_duration_seconds_bucket[$__rate_interval])))"
)
REFUSED = "sum by (problem) (rate(dawalog_posts_refused_total[$__rate_interval])) or vector(0)"


def dashboard() -> Dashboard:
    return (
        board("dawalog-service", "Dawalog: service", "Whether it works, and how well")
        .time("now-6h", "now")
        .with_panel(figure("Parts that answer", 'sum(up{job="dawalog"})'))
        .with_panel(
            figure(
                "Records to project",
                "sum(dawalog_projection_lag_records)",
                about="In the log and not in the figures yet",
            )
        )
        .with_panel(figure("Dead letters", "sum(dawalog_dead_letters) or vector(0)"))
        .with_panel(
            figure(
                "Drift",
                "max(dawalog_ledger_drift_rows)",
                about="Rows that are not what the log says; must be 0. Empty until verified once",
            )
        )
        .with_panel(
            figure(
                "Last verified",
                "time() - max(dawalog_ledger_verified_timestamp_seconds)",
                unit="s",
                about="Ago",
            )
        )
        .with_panel(
            figure(
                "Disk left",
                "min(dawalog_data_folder_free_bytes / dawalog_data_folder_size_bytes)",
                unit="percentunit",
                about="Of the embedded stack's data folder",
            )
        )
        .with_panel(
            graph(
                "Requests",
                (
                    f"sum by (route_class) (rate({REQUESTS}_count[$__rate_interval]))",
                    "{{route_class}}",
                ),
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Requests that failed",
                ("dawalog:failed:ratio_rate5m", "{{route_class}}"),
                ("dawalog:may_fail:ratio", "{{route_class}}: may"),
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Latency, 99th of 100",
                (
                    LATENCY,
                    "{{route_class}}",
                ),
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Requests slower than 1 s",
                ("dawalog:slow:ratio_rate5m", "{{route_class}}"),
                ("dawalog:may_be_slow:ratio", "{{route_class}}: may"),
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Recorded",
                (
                    "sum by (type) (rate(dawalog_events_appended_total[$__rate_interval]))",
                    "{{type}}",
                ),
                unit="eps",
            )
        )
        .with_panel(
            graph(
                "Refused",
                (
                    REFUSED,
                    "{{problem}}",
                ),
                unit="eps",
            )
        )
        .with_panel(
            graph(
                "Recorded until visible",
                ("dawalog:projection_delay_seconds:p99_5m", "99th of 100"),
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Projected",
                (
                    "sum by (topic) (rate(dawalog_records_projected_total[$__rate_interval]))",
                    "{{topic}}",
                ),
                ("sum by (topic) (dawalog_projection_lag_records)", "{{topic}}: waiting"),
            )
        )
        .with_panel(
            graph(
                "Workers standing still",
                ("max by (part) (dawalog_worker_standstill_seconds)", "{{part}}"),
                unit="s",
            )
        )
        .with_panel(
            graph("Facilities behind the day", ("sum(dawalog_facilities_behind)", "facilities"))
        )
        .with_panel(
            graph(
                "Processor",
                ('rate(process_cpu_seconds_total{job="dawalog"}[$__rate_interval])', "{{part}}"),
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Memory", ('process_resident_memory_bytes{job="dawalog"}', "{{part}}"), unit="bytes"
            )
        )
        .with_panel(graph("Live readers", ("sum(dawalog_live_readers)", "readers")))
        .with_panel(
            graph(
                "Appending, 99th of 100",
                (
                    APPENDING,
                    "the log",
                ),
                unit="s",
            )
        )
    )
