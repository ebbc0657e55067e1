"""The page of metrics is what is declared."""

from pathlib import Path

import pytest

from infra.metrics_page import list_metrics, make_page
from stream.declared import API, METRICS, STOCK, gauge

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == make_page(), "dawalog metrics --markdown >docs/metrics.md"


def test_names_say_what_they_count() -> None:
    for metric in list_metrics():
        assert metric.name.startswith("dawalog_")
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert metric.meaning
        assert ("facility_id" in metric.labels) is (metric.exposed_by == STOCK)


def test_nothing_is_declared_twice() -> None:
    name = next(iter(METRICS))
    with pytest.raises(ValueError, match="declared twice"):
        gauge(name, "again", unit="records", by=API)
