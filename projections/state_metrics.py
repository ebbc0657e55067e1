"""The state's figures as metrics, told by the worker that owns `reference` partition 0.

Labels are bounded: districts × levels × statuses, and the items of the essential lists × statuses.
Single facilities' stock is what /metrics/stock is for.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from projections.figures.states import STATUSES
from projections.queries.state_figures import PlaceFigures, StateFigures, sum_up_state
from projections.reading import ReadModel
from stream.declared import WORKER, computed
from stream.errors import Unavailable

log = structlog.get_logger()

CACHED_SECONDS: Final = 10.0
"""However often, and by however many, the worker is scraped."""

REPORTING: Final = ("reporting", "not_reporting", "not_started")
OUTCOMES: Final = ("served", "served_in_part", "sent_away")

FACILITIES: Final = computed(
    "dawalog_facilities",
    "Facilities registered or heard of, a hospital with its parts as one, by whether they report "
    "(reporting, not_reporting: silent though open, not_started: never heard of)",
    unit="facilities",
    by=WORKER,
    labels=["district", "level", "reporting"],
)
FACILITIES_BEHIND: Final = computed(
    "dawalog_facilities_behind",
    "Facilities whose figures have yet to be brought to this day, or to changed reference records",
    unit="facilities",
    by=WORKER,
)
ESSENTIAL_ITEMS: Final = computed(
    "dawalog_essential_items",
    "Essential items at facilities that have been counted, an item at a facility each, by status "
    "(out, low, ok, over, unrated; unknown: the facility is silent)",
    unit="items",
    by=WORKER,
    labels=["district", "level", "status"],
)
ITEM_FACILITIES: Final = computed(
    "dawalog_item_facilities",
    "Facilities by the status that an essential item has there",
    unit="facilities",
    by=WORKER,
    labels=["item_id", "status"],
)
EXPIRING: Final = computed(
    "dawalog_expiring_value_rupees",
    "Value of usable stock that expires within 90 days",
    unit="rupees",
    by=WORKER,
    labels=["district", "level"],
)
PATIENTS: Final = computed(
    "dawalog_patients_today",
    "Prescriptions of India's today by what came of them (served, served_in_part, sent_away); "
    "begins at 0 each midnight",
    unit="prescriptions",
    by=WORKER,
    labels=["district", "level", "outcome"],
)
ALERTS: Final = computed(
    "dawalog_alerts",
    "Alerts that aren't closed (state: open, acknowledged)",
    unit="alerts",
    by=WORKER,
    labels=["rule", "district", "severity", "state"],
)


class StateMetrics(Collector):
    """`is_ours`: whether this process is the one that tells. Empty until `refresh`."""

    def __init__(self, model: ReadModel, is_ours: Callable[[], bool]) -> None:
        self._model = model
        self._is_ours = is_ours
        self._families: list[GaugeMetricFamily] = []
        self._asked_at = -CACHED_SECONDS
        self._lock = asyncio.Lock()

    def collect(self) -> Iterable[Metric]:
        return self._families

    async def refresh(self) -> None:
        """Ask, unless it was asked a moment ago. Where nothing can be known, nothing is told."""
        async with self._lock:
            if not self._is_ours():
                self._families = []
                return
            if monotonic() - self._asked_at < CACHED_SECONDS:
                return
            self._asked_at = monotonic()
            try:
                self._families = list_families(await sum_up_state(self._model))
            except Unavailable as error:
                self._families = []
                log.warning("the state's metrics are left out", why=error.detail)


def list_families(state: StateFigures) -> list[GaugeMetricFamily]:
    of_items = ITEM_FACILITIES.family()
    for item_id, facilities in state.items:
        _add(of_items, (item_id,), STATUSES, facilities)
    of_alerts = ALERTS.family()
    for *labels, alerts in state.alerts:
        of_alerts.add_metric(labels, alerts)
    return [*_list_places(state.places), of_items, of_alerts]


def _list_places(places: Sequence[PlaceFigures]) -> list[GaugeMetricFamily]:
    facilities, behind = FACILITIES.family(), FACILITIES_BEHIND.family()
    items, expiring, patients = ESSENTIAL_ITEMS.family(), EXPIRING.family(), PATIENTS.family()
    for one in places:
        where = (one.district, one.level)
        _add(facilities, where, REPORTING, (one.reporting, one.not_reporting, one.not_started))
        _add(items, where, STATUSES, one.items)
        _add(patients, where, OUTCOMES, one.patients)
        expiring.add_metric(where, one.expiring_rupees)
    behind.add_metric((), sum(one.behind for one in places))
    return [facilities, behind, items, expiring, patients]


def _add(
    family: GaugeMetricFamily, where: Sequence[str], names: Sequence[str], values: Sequence[float]
) -> None:
    for name, value in zip(names, values, strict=True):
        family.add_metric([*where, name], value)
