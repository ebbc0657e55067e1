"""All rules, by id."""

from collections.abc import Mapping
from typing import Final

from alerts.rule import Rule
from alerts.rules.low_stock import LOW_STOCK
from alerts.rules.not_started import NOT_STARTED
from alerts.rules.out_of_stock import OUT_OF_STOCK

RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in (
        NOT_STARTED,
        OUT_OF_STOCK,
        LOW_STOCK,
    )
}
