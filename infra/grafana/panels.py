"""What the dashboards are made of: figures, graphs and tables of two sources."""

from typing import Final

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableHide,
    VariableRefresh,
    VariableSort,
)

PROMETHEUS: Final = DataSourceRef("prometheus", "dawalog-prometheus")
POSTGRES: Final = DataSourceRef("postgres", "dawalog-postgres")
"""As `provisioning/datasources` names them."""

WIDTH: Final = 24


class Sql(Dataquery, Builder[Dataquery]):
    """A query of Postgres; `form` is table or time_series (a column `time`, then one a series)."""

    def __init__(self, text: str, form: str) -> None:
        self._text = " ".join(text.split())
        self._form = form

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "A",
            "datasource": {"type": POSTGRES.type_val, "uid": POSTGRES.uid},
            "format": self._form,
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": self._text,
        }


def board(uid: str, title: str, about: str) -> Dashboard:
    return (
        Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["dawalog"])
        .readonly()
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("Asia/Kolkata")
    )


def figure(title: str, expr: str, *, unit: str = "short", about: str = "") -> stat.Panel:
    """One number as it is now."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .height(4)
        .span(4)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(prometheus.Dataquery().expr(expr).instant().ref_id("A"))
    )


def graph(
    title: str, *queries: tuple[str, str], unit: str = "short", about: str = ""
) -> timeseries.Panel:
    """Over time. `queries` are (expression, legend)."""
    panel = _graph(title, unit, about).datasource(PROMETHEUS)
    for number, (expr, legend) in enumerate(queries):
        panel.with_target(
            prometheus.Dataquery()
            .expr(expr)
            .range()
            .legend_format(legend)
            .ref_id(chr(ord("A") + number))
        )
    return panel


def days(title: str, sql: str, *, about: str = "") -> timeseries.Panel:
    """Figures of days, from Postgres."""
    panel = _graph(title, "short", about).datasource(POSTGRES)
    return panel.draw_style(common.GraphDrawStyle.BARS).with_target(Sql(sql, "time_series"))


def rows(title: str, sql: str, *, about: str = "", width: int = WIDTH) -> table.Panel:
    """A table, from Postgres."""
    return (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(POSTGRES)
        .height(10)
        .span(width)
        .with_target(Sql(sql, "table"))
    )


def _graph(title: str, unit: str, about: str) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .min(0)
        .height(8)
        .span(12)
        .fill_opacity(10)
    )


def live_model() -> QueryVariable:
    """The schema that answers: another one after a rebuild. Hidden."""
    return (
        QueryVariable("model")
        .hide(VariableHide.HIDE_VARIABLE)
        .datasource(POSTGRES)
        .query("SELECT 'model_' || number FROM dawalog.live_model")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def choice(name: str, label: str, sql: str) -> QueryVariable:
    """Something to choose from a list."""
    return (
        QueryVariable(name)
        .label(label)
        .datasource(POSTGRES)
        .query(" ".join(sql.split()))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
