"""Every alerting rule has a test of its own and a runbook, and asks for metrics that there are."""

import re
from pathlib import Path

import pytest

from infra.metrics_page import list_metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "infra" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"

RULES = "\n".join(path.read_text() for path in sorted(PROMETHEUS.glob("rules/*.yml")))
TESTS = "\n".join(path.read_text() for path in sorted(PROMETHEUS.glob("tests/*.yml")))
ALERTS = re.findall(r"- alert: (\w+)", RULES)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_firing_in_a_test(alert: str) -> None:
    fires = rf'labels: \'ALERTS{{alertname="{alert}", alertstate="firing"'
    assert re.search(rf"{fires}|alertname: {alert}\n\s+eval_time: \w+\n\s+exp_alerts:", TESTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_says_who_is_concerned_and_what_to_do(alert: str) -> None:
    [rule] = re.findall(rf"- alert: {alert}\n(.*?)(?=\n      - |\n  - |\Z)", RULES, re.DOTALL)
    assert re.search(r"severity: (critical|warning)", rule)
    assert re.search(r"concern: (service|shortage|compliance)", rule)
    assert "summary: " in rule
    assert "description: " in rule
    [runbook] = re.findall(r"runbook: docs/runbooks/(\w+)\.md", rule)
    assert alert in (RUNBOOKS / f"{runbook}.md").read_text()


def test_runbooks_are_those_of_rules() -> None:
    """Of rules in Dawalog itself, `alerts/` names them."""
    named = set(re.findall(r"docs/runbooks/(Dawalog\w+)\.md", RULES))
    assert named == {path.stem for path in RUNBOOKS.glob("Dawalog*.md")}


def test_rules_ask_for_metrics_that_are_declared() -> None:
    declared = {metric.name for metric in list_metrics()}
    for name in re.findall(r"\bdawalog_\w+", RULES):
        assert re.sub(r"_(bucket|count|sum)$", "", name) in declared, name
