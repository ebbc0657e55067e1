"""Lists of what is registered."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from projections.queries.catalogue import list_items, list_registered
from projections.reading import ReadModel
from tests.integration.reading.rows import Rows


async def test_facilities_by_district_level_and_parent(model: ReadModel, rows: Rows) -> None:
    await rows.add_facility("H", level="DH", district_id="D1")
    await rows.add_facility("H-store", level="STORE", district_id="D1", parent="H")
    await rows.add_facility("P", level="PHC", district_id="D2")

    async def ids(**filters: Any) -> list[str]:
        found = await list_registered(model, "facility", limit=100, **filters)
        return [record["facility_id"] for record in found.records]

    assert await ids() == ["H", "H-store", "P"]
    assert await ids(district_id="D1") == ["H", "H-store"]
    assert await ids(level="PHC") == ["P"]
    assert await ids(parent_facility_id="H") == ["H-store"]
    assert await ids(after="H") == ["H-store", "P"]
    assert await ids(district_id="D1", level="PHC") == []


async def test_the_record_in_force_is_listed_once(model: ReadModel, rows: Rows) -> None:
    now = datetime.now(UTC)
    await rows.add_facility("F", district_id="D1")
    await rows.add_facility("F", district_id="D2", valid_from=now - timedelta(days=1))
    await rows.add_facility("F", district_id="D3", valid_from=now + timedelta(days=1))
    found = await list_registered(model, "facility", limit=100)
    assert [record["district_id"] for record in found.records] == ["D2"]
    assert (await list_registered(model, "facility", district_id="D1", limit=100)).records == []


async def test_further_pages_are_of_the_first_ones_moment(model: ReadModel, rows: Rows) -> None:
    for item_id in ("A", "B", "C"):
        await rows.add_item(item_id, name="old")
    first = await list_items(model, words=["old"], limit=1)
    await rows.add_item("B", name="new", valid_from=first.snapshot.taken_at)
    await rows.connection.execute(
        "UPDATE item_record SET recorded_at = clock_timestamp() WHERE name = 'new'"
    )
    moment = first.snapshot.taken_at
    rest = await list_items(model, words=["old"], after="A", limit=9, known_at=moment)
    assert [record["item_id"] for record in rest.records] == ["B", "C"]
    await rows.add_item("C", name="later", valid_from=moment + timedelta(microseconds=1))
    rest = await list_registered(model, "item", after="B", limit=9, known_at=moment)
    assert [record["name"] for record in rest.records] == ["old"]


async def test_items_by_words_in_any_language(model: ReadModel, rows: Rows) -> None:
    await rows.add_item("PCM500", name="Paracetamol tablet 500 mg", names={"hi": "पैरासिटामोल"})
    await rows.add_item("PCM125", name="Paracetamol syrup 125 mg/5 ml")
    await rows.add_item("AMX", name="Amoxicillin capsule 100% pure_")

    async def ids(q: str) -> list[str]:
        found = await list_items(model, words=q.split(), limit=100)
        return [record["item_id"] for record in found.records]

    assert await ids("") == ["AMX", "PCM125", "PCM500"]
    assert await ids("PARACET") == ["PCM125", "PCM500"]
    assert await ids("500 paracetamol") == ["PCM500"]
    assert await ids("पैरा") == ["PCM500"]
    assert await ids("pcm1") == ["PCM125"]
    assert await ids("100%") == ["AMX"]
    assert await ids("hi") == []
    assert await ids("a_o") == []


async def test_districts(model: ReadModel, rows: Rows) -> None:
    await rows.add_district("Jaipur")
    await rows.add_district("Gaya", state="BR")
    found = await list_registered(model, "district", state="BR", limit=100)
    assert [record["district_id"] for record in found.records] == ["Gaya"]
    assert len((await list_registered(model, "district", limit=1)).records) == 1


async def test_norms_by_what_they_name(model: ReadModel, rows: Rows) -> None:
    now = datetime.now(UTC)
    await rows.add_norm("all")
    await rows.add_norm("item", item_id="A")
    await rows.add_norm("item of PHC", item_id="A", level="PHC")
    await rows.add_norm("of PHC", level="PHC")
    await rows.add_norm("of PHC", level="PHC", withdrawn=True, valid_from=now - timedelta(days=1))
    await rows.add_norm("of PHC", level="CHC", valid_from=now + timedelta(days=1))

    async def ids(**filters: Any) -> list[str]:
        found = await list_registered(model, "norm", limit=100, **filters)
        return [record["norm_id"] for record in found.records]

    assert await ids() == ["all", "item", "item of PHC", "of PHC"]
    assert await ids(item_id="A") == ["item", "item of PHC"]
    assert await ids(level="PHC") == ["item of PHC", "of PHC"]
    assert await ids(item_id="A", level="PHC") == ["item of PHC"]
    assert await ids(after="item", level="PHC") == ["item of PHC", "of PHC"]
    found = await list_registered(model, "norm", limit=100)
    assert [record["withdrawn"] for record in found.records] == [False, False, False, True]
    assert len((await list_registered(model, "norm", limit=2)).records) == 2


async def test_closures_by_what_they_name(model: ReadModel, rows: Rows) -> None:
    first, last = date(2026, 11, 8), date(2026, 11, 9)
    await rows.add_closure("everywhere", first, last)
    await rows.add_closure("of D1", first, last, district_id="D1")
    await rows.add_closure("of F1", first, last, facility_id="F1")
    await rows.add_closure("of RJ", first, last, state="RJ")
    await rows.add_closure("of RJ", first, first, state="RJ", withdrawn=True)

    async def ids(**filters: Any) -> list[str]:
        found = await list_registered(model, "closure", limit=100, **filters)
        return [record["closure_id"] for record in found.records]

    assert await ids() == ["everywhere", "of D1", "of F1", "of RJ"]
    assert await ids(district_id="D1") == ["of D1"]
    assert await ids(facility_id="F1") == ["of F1"]
    assert await ids(district_id="D1", facility_id="F1") == []
    assert await ids(after="of D1") == ["of F1", "of RJ"]
    last_record = (await list_registered(model, "closure", limit=100)).records[-1]
    assert (last_record["last_day"], last_record["withdrawn"]) == ("2026-11-08", True)
