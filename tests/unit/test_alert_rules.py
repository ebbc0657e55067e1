"""Each rule is told in full, and has its runbook and its written timeline."""

import re
from pathlib import Path

import pytest

from alerts.rule import Rule
from alerts.rules import RULES

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "alerts.md").read_text().splitlines()
TIMELINES = ROOT / "tests" / "integration" / "alerts"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_each_rule_has_a_runbook_and_a_timeline(rule: Rule) -> None:
    assert f"({rule.id})" in (ROOT / rule.runbook[1:]).read_text().splitlines()[0]
    assert any(f'"{rule.id}"' in path.read_text() for path in TIMELINES.glob("test_*.py"))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_each_parameter_is_used(rule: Rule) -> None:
    for name, parameter in rule.parameters.items():
        assert f"{{{name}}}" in rule.holds
        assert parameter.unit
        assert parameter.meaning


def line_of(rule: Rule, name: str) -> str:
    """Of the table in docs/alerts.md."""
    told = rule.parameters[name]
    default = "–" if told.default is None else f"{told.default} {told.unit}"
    return f"| {rule.id} | `{name}` | {default} | {told.least} – {told.most} | {told.meaning} |"


def test_the_table_of_the_docs_is_current() -> None:
    """All rules and no others, in their order, each with its subject and its greatest severity."""
    row = re.compile(r"\| \[(\w+)\]\(runbooks/\1\.md\) \| ([^|]+) \| ([^|]+) \| [^|]+ \|")
    told = [row.fullmatch(line) for line in DOCS if line.startswith("| [")]
    subjects = {
        "district_item": "item in a district",
        "district_class": "class of items in a district",
    }
    assert [(found[1], found[2]) for found in told if found] == [
        (rule.id, subjects.get(rule.about, rule.about)) for rule in RULES.values()
    ]
    for found in told:
        assert found is not None
        first = re.search("critical|warning|info", found[3])
        assert first is not None
        assert first[0] == RULES[found[1]].severity, found[0]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_each_parameter_is_in_the_docs(rule: Rule) -> None:
    for name in rule.parameters:
        assert line_of(rule, name) in DOCS


def test_runbooks_are_those_of_rules() -> None:
    """Those of Prometheus' rules begin with the service's name."""
    written = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert {name for name in written if not name.startswith("Dawalog")} == set(RULES)
