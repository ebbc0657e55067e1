"""All rules, by id."""

from collections.abc import Mapping
from typing import Final

from alerts.rule import Rule
from alerts.rules.device_gap import DEVICE_GAP
from alerts.rules.district_shortage import DISTRICT_SHORTAGE
from alerts.rules.entered_in_a_lump import ENTERED_IN_A_LUMP
from alerts.rules.expired_stock import EXPIRED_STOCK
from alerts.rules.low_stock import LOW_STOCK
from alerts.rules.module_not_active import MODULE_NOT_ACTIVE
from alerts.rules.negative_stock import NEGATIVE_STOCK
from alerts.rules.no_count import NO_COUNT
from alerts.rules.not_reporting import NOT_REPORTING
from alerts.rules.not_started import NOT_STARTED
from alerts.rules.nothing_dispensed import NOTHING_DISPENSED
from alerts.rules.out_of_stock import OUT_OF_STOCK
from alerts.rules.recalled_dispensed import RECALLED_DISPENSED
from alerts.rules.recalled_stock import RECALLED_STOCK
from alerts.rules.receipts_not_recorded import RECEIPTS_NOT_RECORDED
from alerts.rules.reports_late import REPORTS_LATE
from alerts.rules.runs_out_soon import RUNS_OUT_SOON
from alerts.rules.surge import SURGE
from alerts.rules.surge_of_class import SURGE_OF_CLASS
from alerts.rules.surge_of_item import SURGE_OF_ITEM
from alerts.rules.transfers_not_acknowledged import TRANSFERS_NOT_ACKNOWLEDGED
from alerts.rules.unmet_demand import UNMET_DEMAND
from alerts.rules.variance_unexplained import VARIANCE_UNEXPLAINED
from alerts.rules.will_expire import WILL_EXPIRE
from stream.chains import Officer

RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in (
        NOT_STARTED,
        OUT_OF_STOCK,
        LOW_STOCK,
        RUNS_OUT_SOON,
        UNMET_DEMAND,
        WILL_EXPIRE,
        EXPIRED_STOCK,
        RECALLED_STOCK,
        RECALLED_DISPENSED,
        DISTRICT_SHORTAGE,
        SURGE,
        SURGE_OF_ITEM,
        SURGE_OF_CLASS,
        MODULE_NOT_ACTIVE,
        NOT_REPORTING,
        NOTHING_DISPENSED,
        REPORTS_LATE,
        DEVICE_GAP,
        RECEIPTS_NOT_RECORDED,
        TRANSFERS_NOT_ACKNOWLEDGED,
        NO_COUNT,
        NEGATIVE_STOCK,
        VARIANCE_UNEXPLAINED,
        ENTERED_IN_A_LUMP,
    )
}

WHO_ACTS: Final[Mapping[str, Officer]] = {rule.id: rule.who_acts for rule in RULES.values()}
"""With whom the chain of command begins, by rule."""

LOCAL: Final = tuple(rule.id for rule in RULES.values() if rule.by_transfer)
"""Of an item that one facility is short of. Over a district that is said by `district_shortage`."""
