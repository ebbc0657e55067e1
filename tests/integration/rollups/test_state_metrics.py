"""The state's figures as metrics, computed by hand."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from projections.reading import ReadModel
from projections.settings import ReadingSettings
from projections.state_metrics import StateMetrics
from stream.declared import METRICS
from tests.exposition import Exposition
from tests.integration.rollups.figures import Figures
from tests.stack import Stack


async def expose(metrics: StateMetrics) -> Exposition:
    await metrics.refresh()
    registry = CollectorRegistry()
    registry.register(metrics)
    return Exposition(generate_latest(registry).decode())


@pytest.fixture
async def state(figures: Figures) -> None:
    await figures.add_item("AMOX")
    await figures.add_item("ORS")
    await figures.add_place("PHC-1")
    await figures.add_place("PHC-2", silent=True, partition=1, evaluated_days_ago=1)
    await figures.add_place("CHC-1", level="CHC", district_id="D2")
    await figures.add_place("CHC-2", level="CHC", district_id="D2", heard_ago=None)
    await figures.add_state("PHC-1", "AMOX", "out")
    await figures.add_state("PHC-1", "ORS", "ok", usable=5, expiring_paise=250)
    await figures.add_state("PHC-2", "AMOX", "ok", usable=9, silent=True)
    await figures.add_state("CHC-1", "AMOX", "out")
    await figures.add_patients("PHC-1", 7, 2, 1)
    await figures.add_patients("PHC-1", 50, 50, 50, days_ago=1)
    await figures.tally()
    await figures.connection.execute(
        "INSERT INTO alert SELECT facility_id, gen_random_uuid(), 'out_of_stock', facility_no, '',"
        " item_no, '', '', 1, 1, 'critical', now(), now(), NULL, NULL, NULL, NULL, NULL, '{}'"
        " FROM item_state JOIN facility_number USING (facility_no) WHERE status = 'out'"
    )


@pytest.mark.usefixtures("state")
async def test_the_state_is_told_by_one_worker(stack: Stack, figures: Figures) -> None:
    model = ReadModel(ReadingSettings(database_url=stack.database_url))
    await model.start()
    is_leader = True
    metrics = StateMetrics(model, lambda: is_leader)
    try:
        told = await expose(metrics)
        phc = {"district": "D1", "level": "PHC"}
        assert told.value("dawalog_facilities", phc | {"reporting": "reporting"}) == 1
        assert told.value("dawalog_facilities", phc | {"reporting": "not_reporting"}) == 1
        assert told.value("dawalog_facilities", {"reporting": "not_started"}) == 1
        assert told.value("dawalog_facilities_behind") == 1
        assert told.value("dawalog_essential_items", phc | {"status": "out"}) == 1
        assert told.value("dawalog_essential_items", phc | {"status": "unknown"}) == 1
        assert told.value("dawalog_essential_items", {"status": "out"}) == 2
        assert told.value("dawalog_item_facilities", {"item_id": "AMOX", "status": "out"}) == 2
        assert told.value("dawalog_item_facilities", {"item_id": "ORS", "status": "ok"}) == 1
        assert told.value("dawalog_expiring_value_rupees", phc) == 2.5
        assert told.value("dawalog_patients_today", phc | {"outcome": "served"}) == 7
        critical = {"rule": "out_of_stock", "severity": "critical", "state": "open"}
        assert told.value("dawalog_alerts", critical | {"district": "D1"}) == 1
        assert told.value("dawalog_alerts", critical) == 2
        for name, _, labels in told.described():
            assert labels <= set(METRICS[name].labels)

        # asked for again within seconds, the database isn't
        await figures.add_place("PHC-9")
        assert (await expose(metrics)).value("dawalog_facilities", {"reporting": "reporting"}) == 2
        is_leader = False
        assert not (await expose(metrics)).families
    finally:
        await model.stop()


async def test_without_a_database_nothing_is_told() -> None:
    model = ReadModel(ReadingSettings(database_url="postgresql://127.0.0.1:1/none"))
    await model.start()
    try:
        assert not (await expose(StateMetrics(model, lambda: True))).families
    finally:
        await model.stop()
