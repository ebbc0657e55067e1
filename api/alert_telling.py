"""What lists of alerts and of actions tell alike."""

from collections.abc import Mapping
from typing import Any, Final

from alerts.rules import RULES
from api.answers import in_utc

INSTANTS: Final = (
    "began_at",
    "opened_at",
    "closed_at",
    "acknowledged_at",
    "snoozed_until",
    "passes_on_at",
)


def tell_instants(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] and in_utc(told[name]) for name in INSTANTS}


def tell_rule(rule_id: str) -> dict[str, Any]:
    rule = RULES.get(rule_id)
    return {
        "title": title_of(rule_id),
        "what_to_do": rule and rule.what_to_do,
        "ends": rule and rule.ends,
        "runbook": rule and rule.runbook,
    }


def title_of(rule_id: str) -> str:
    rule = RULES.get(rule_id)  # of one that a later version dropped only the id is left
    return rule.title if rule else rule_id
